//! The environment comes after the command line: a variable that is empty, or contradicts a flag that was typed, counts
//! as unset, and a variable that cannot be read is named.

use std::env;
use std::ffi::OsString;

use clap::builder::{Resettable, StyledStr};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgMatches, Command, Error};

/// A flag that has its value from the environment.
struct Flag {
    /// With its dashes.
    name: String,
    variable: OsString,
}

/// Reads a command line; also the command that it was read by at last.
///
/// # Errors
/// On a mistake, and for help.
pub(super) fn matches(command: Command, line: &[OsString]) -> Result<(Command, ArgMatches), Error> {
    // Scripts and CI files set variables to nothing where they have nothing to say.
    let is_empty = |flag: &Arg| {
        let value = flag.get_env().and_then(env::var_os);
        value.is_some_and(|value| value.is_empty())
    };
    let mut command = without_variables(command, &is_empty);
    loop {
        // Of a copy: reading a line leaves traces.
        let mut error = match command.clone().try_get_matches_from(line) {
            Ok(matches) => return Ok((command, matches)),
            Err(error) => error,
        };
        let mut flags = Vec::new();
        from_environment(&command, line, &mut flags);
        let names = names(&error);
        let unreadable = |flag: &&Flag| {
            env::var_os(&flag.variable).is_some_and(|value| value.to_str().is_none())
        };
        let set: Vec<&Flag> = match error.kind() {
            ErrorKind::InvalidUtf8 => flags.iter().filter(unreadable).collect(),
            _ => flags.iter().filter(|flag| names.contains(&flag.name)).collect(),
        };
        let Some(first) = set.first() else { return Err(error) };
        if error.kind() == ErrorKind::ArgumentConflict && set.len() < names.len() {
            let name = first.name.strip_prefix("--");
            command = without_variables(command, &|flag| flag.get_long() == name);
            continue;
        }
        let variables: Vec<_> = set.iter().map(|flag| flag.variable.to_string_lossy()).collect();
        let hint = format!("the value comes from {} in the environment", variables.join(" and "));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(hint)]));
        return Err(error);
    }
}

/// The flags, of the command and those below it, whose variables are set and that were not typed.
fn from_environment(command: &Command, line: &[OsString], flags: &mut Vec<Flag>) {
    for flag in command.get_arguments() {
        let (Some(name), Some(variable)) = (flag.get_long(), flag.get_env()) else { continue };
        if env::var_os(variable).is_some() && !line.iter().any(|word| is_typed(flag, word)) {
            let name = format!("--{name}");
            if !flags.iter().any(|flag: &Flag| flag.name == name) {
                flags.push(Flag { name, variable: variable.to_owned() });
            }
        }
    }
    command.get_subcommands().for_each(|command| from_environment(command, line, flags));
}

fn is_typed(flag: &Arg, word: &OsString) -> bool {
    let word = word.to_string_lossy();
    let long = word.strip_prefix("--").map(|word| word.split('=').next().unwrap_or_default());
    let short = word.strip_prefix('-').and_then(|word| word.chars().next());
    long.is_some_and(|long| flag.get_long() == Some(long))
        || flag.get_short().is_some_and(|letter| short == Some(letter))
}

/// The flags that an error is about, with their dashes.
fn names(error: &Error) -> Vec<String> {
    let texts = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    };
    let texts = [texts(ContextKind::InvalidArg), texts(ContextKind::PriorArg)].concat();
    let name = |text: &String| text.split([' ', '=']).next().unwrap_or_default().to_owned();
    texts.iter().map(name).collect()
}

/// The command, and those below it, with flags that the environment says nothing of.
fn without_variables(command: Command, is_meant: &dyn Fn(&Arg) -> bool) -> Command {
    command
        .mut_args(|flag| if is_meant(&flag) { flag.env(Resettable::Reset) } else { flag })
        .mut_subcommands(|command| without_variables(command, is_meant))
}
