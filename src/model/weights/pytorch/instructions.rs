//! The instructions of a pickle, one by one. Nothing is built of them here, and what the structure of a checkpoint
//! is never made of (fractions, bytes) is passed over.

use std::io::{BufRead, ErrorKind, Read, copy, sink};

use anyhow::{Context, Result, bail, ensure};

/// Most instructions accepted: each of one byte can make a parser keep a hundred. A model of this tool with its
/// optimizer has about fifty thousand.
pub(super) const INSTRUCTION_LIMIT: usize = 1_000_000;

/// Longest text that is kept, in bytes. Names are far shorter.
const LONGEST_TEXT: u64 = 1 << 12;

/// What an instruction carries.
#[derive(Debug, PartialEq)]
pub(super) enum Operand {
    /// Nothing, or something that no structure is made of.
    Nothing,
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
    /// A module and a name in it.
    Names(String, String),
}

/// The form of an instruction's operand.
enum Form {
    /// This many bytes that do not matter.
    Skipped(u64),
    /// A number without sign in this many bytes, little endian.
    Unsigned(usize),
    /// A number with sign in four bytes.
    Signed,
    /// A line of text.
    Line,
    /// Two lines: a module and a name.
    Names,
    /// A length in this many bytes, and as many bytes that do not matter.
    CountedBytes(usize),
    /// A length in this many bytes, and as much text.
    CountedText(usize),
    /// A length in this many bytes, and as many bytes of one whole number.
    CountedInteger(usize),
}

/// The instructions of pickles that follow each other.
#[derive(Debug)]
pub(super) struct Instructions<R> {
    reader: R,
    passed: usize,
}

impl<R: BufRead> Instructions<R> {
    /// Those that `reader` holds.
    pub(super) fn new(reader: R) -> Self {
        Self { reader, passed: 0 }
    }

    /// What follows the pickles.
    pub(super) fn into_rest(self) -> R {
        self.reader
    }

    /// The next one and what it carries.
    ///
    /// # Errors
    /// When the file ends, the instruction is unknown, or there are more than in any checkpoint.
    pub(super) fn next(&mut self) -> Result<(u8, Operand)> {
        self.passed += 1;
        ensure!(
            self.passed <= INSTRUCTION_LIMIT,
            "its pickle has over {INSTRUCTION_LIMIT} instructions, more than any checkpoint"
        );
        self.read().map_err(explained).context("walking through its pickle")
    }

    fn read(&mut self) -> Result<(u8, Operand)> {
        let [code] = self.bytes()?;
        let operand = match form(code)? {
            Form::Skipped(length) => self.skip(length)?,
            Form::Unsigned(width) => Operand::Integer(i64::try_from(self.unsigned(width)?)?),
            Form::Signed => Operand::Integer(i32::from_le_bytes(self.bytes()?).into()),
            Form::Line => self.line()?.map_or(Operand::Nothing, Operand::Text),
            Form::Names => match (self.line()?, self.line()?) {
                (Some(module), Some(name)) => Operand::Names(module, name),
                _ => bail!("a class has a name longer than {LONGEST_TEXT} bytes"),
            },
            Form::CountedBytes(width) => {
                let length = self.unsigned(width)?;
                self.skip(length)?
            }
            Form::CountedText(width) => {
                let length = self.unsigned(width)?;
                self.text(length)?
            }
            Form::CountedInteger(width) => {
                let length = self.unsigned(width)?;
                self.integer(length)?
            }
        };
        Ok((code, operand))
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn unsigned(&mut self, width: usize) -> Result<u64> {
        let mut bytes = [0; 8];
        self.reader.read_exact(&mut bytes[..width])?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn skip(&mut self, length: u64) -> Result<Operand> {
        let passed = copy(&mut self.reader.by_ref().take(length), &mut sink())?;
        ensure!(passed == length, "the file ends inside the pickle");
        Ok(Operand::Nothing)
    }

    /// A text, unless it is too long for a name or is none.
    fn text(&mut self, length: u64) -> Result<Operand> {
        if length > LONGEST_TEXT {
            return self.skip(length);
        }
        let mut bytes = vec![0; length as usize];
        self.reader.read_exact(&mut bytes)?;
        Ok(String::from_utf8(bytes).map_or(Operand::Nothing, Operand::Text))
    }

    /// A number of two's complement, unless it is too large for any size.
    fn integer(&mut self, length: u64) -> Result<Operand> {
        if length > 8 {
            return self.skip(length);
        }
        let mut bytes = [0; 8];
        self.reader.read_exact(&mut bytes[..length as usize])?;
        let unused = 64 - 8 * length as u32;
        let value = i64::from_le_bytes(bytes);
        Ok(Operand::Integer(value.checked_shl(unused).map_or(0, |high| high >> unused)))
    }

    /// A line without its end, unless it is too long for a name.
    fn line(&mut self) -> Result<Option<String>> {
        let mut line = Vec::new();
        self.reader.by_ref().take(LONGEST_TEXT + 1).read_until(b'\n', &mut line)?;
        if line.pop_if(|last| *last == b'\n').is_some() {
            return Ok(String::from_utf8(line).ok());
        }
        ensure!(self.reader.skip_until(b'\n')? > 0, "the file ends inside the pickle");
        Ok(None)
    }
}

/// The operands of Python's pickle instructions, protocols 0 to 5.
fn form(code: u8) -> Result<Form> {
    Ok(match code {
        b'('
        | b')'
        | b'.'
        | b'0'
        | b'1'
        | b'2'
        | b'N'
        | b'Q'
        | b'R'
        | b']'
        | b'a'
        | b'b'
        | b'd'
        | b'e'
        | b'l'
        | b'o'
        | b's'
        | b't'
        | b'u'
        | b'}'
        | 0x81
        | 0x85..=0x89
        | 0x8f..=0x94 => Form::Skipped(0),
        0x80 => Form::Skipped(1),
        b'G' | 0x95 => Form::Skipped(8),
        b'K' | b'h' | b'q' => Form::Unsigned(1),
        b'M' => Form::Unsigned(2),
        b'j' | b'r' => Form::Unsigned(4),
        b'J' => Form::Signed,
        b'F' | b'I' | b'L' | b'P' | b'S' | b'V' | b'g' | b'p' => Form::Line,
        b'c' | b'i' => Form::Names,
        b'C' => Form::CountedBytes(1),
        b'B' => Form::CountedBytes(4),
        0x8e | 0x96 => Form::CountedBytes(8),
        b'U' | 0x8c => Form::CountedText(1),
        b'T' | b'X' => Form::CountedText(4),
        0x8d => Form::CountedText(8),
        0x8a => Form::CountedInteger(1),
        0x8b => Form::CountedInteger(4),
        other => bail!("{other:#04x} is no instruction that a checkpoint may hold"),
    })
}

fn explained(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<std::io::Error>() {
        Some(cause) if cause.kind() == ErrorKind::UnexpectedEof => {
            anyhow::anyhow!("the file ends inside the pickle")
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The operands up to the end of `count` pickles.
    fn operands(pickle: &[u8], count: usize) -> Result<Vec<Operand>> {
        let mut instructions = Instructions::new(pickle);
        let mut operands = Vec::new();
        for _ in 0..count {
            loop {
                let (code, operand) = instructions.next()?;
                if code == b'.' {
                    break;
                }
                if operand != Operand::Nothing {
                    operands.push(operand);
                }
            }
        }
        Ok(operands)
    }

    fn error_of(pickle: &[u8], count: usize) -> String {
        format!("{:#}", operands(pickle, count).unwrap_err())
    }

    #[test]
    fn pickles_that_follow_each_other_are_read_to_their_ends() {
        // {"a": [1, 2.5], "b": b"xy"}, protocol 2 with memo; then -3 and a class in protocol 0.
        let stream = b"\x80\x02}q\0(X\x01\0\0\0aq\x01]q\x02(K\x01G@\x04\0\0\0\0\0\0eX\x01\0\0\0bq\x03C\x02xyu.\x8a\x01\xfdctorch\nsize\n.";
        use Operand::{Integer, Names, Text};
        let wanted = [
            Integer(0),
            Text("a".into()),
            Integer(1),
            Integer(2),
            Integer(1),
            Text("b".into()),
            Integer(3),
            Integer(-3),
            Names("torch".into(), "size".into()),
        ];
        assert_eq!(operands(stream, 2).unwrap(), wanted);
    }

    #[test]
    fn floods_truncations_and_unknown_instructions_are_refused() {
        let flood = vec![b'N'; INSTRUCTION_LIMIT + 2];
        assert!(error_of(&flood, 1).contains("instructions, more than any checkpoint"));
        assert!(error_of(b"\x80\x02NN", 1).contains("the file ends inside the pickle"));
        for text in [&b"X\xff\xff\xff\xffabc."[..], b"X\x09\0\0\0abc.", b"Vabc", b"N."] {
            assert!(error_of(text, 2).contains("the file ends inside the pickle"));
        }
        assert!(error_of(b"\x82\x01.", 1).contains("0x82 is no instruction"));
    }

    #[test]
    fn numbers_and_texts_beyond_all_need_are_passed_over() {
        let long = [&b"X\0\x20\0\0"[..], &[b'a'; 0x2000], b"\x8a\x09123456789."].concat();
        assert_eq!(operands(&long, 1).unwrap(), []);
        assert_eq!(
            operands(b"\x8a\0\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f.", 1).unwrap(),
            [Operand::Integer(0), Operand::Integer(i64::MAX)]
        );
    }
}
