//! Plain objects in a pickle of their own, as `argparse.Namespace`: their attributes that are whole numbers, words, or
//! lists of these. Nothing in the file is run.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Result, bail, ensure};

use crate::model::weights::pytorch::instructions::Instructions;
use crate::model::weights::pytorch::machine::Machine;
use crate::model::weights::pytorch::value::Value;

/// Largest file that is looked into, in bytes; a command line has some hundreds.
const LARGEST: u64 = 1 << 20;

/// The attributes of the object in a file, as a user would write them on a command line.
///
/// # Errors
/// When the file cannot be read, or holds no such object.
pub(crate) fn read(path: &Path) -> Result<BTreeMap<String, String>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    ensure!(length <= LARGEST, "it has {length} bytes, more than any command line");
    let mut machine = Machine::default();
    let root = machine.run(&mut Instructions::new(BufReader::new(file)))?;
    let Value::Container(entries) = &root else { bail!("it holds no named values") };
    let entries = entries.borrow();
    let named = entries.iter().map(|(name, value)| (name.to_string(), word(value, true)));
    Ok(named.filter_map(|(name, word)| Some((name, word?))).collect())
}

/// A number, a word, or those of a list.
fn word(value: &Value, may_be_list: bool) -> Option<String> {
    match value {
        Value::Integer(number) => Some(number.to_string()),
        Value::Text(text) => Some(text.to_string()),
        Value::Container(_) | Value::Tuple(_) if may_be_list => {
            let words: Option<Vec<String>> =
                value.items().iter().map(|item| word(item, false)).collect();
            words.map(|words| format!("[{}]", words.join(",")))
        }
        _ => None,
    }
}
