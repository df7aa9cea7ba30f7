//! A walk over a pickle that builds nothing.
//!
//! Every instruction of one byte can make a parser keep a value a hundred times as large. So pickles are
//! walked through once, and refused when they have more instructions than any checkpoint needs.

use std::io::{BufRead, ErrorKind, Read, copy, sink};

use anyhow::{Context, Result, bail, ensure};

/// Most instructions accepted. A model of this tool with its optimizer has about fifty thousand.
const INSTRUCTION_LIMIT: usize = 1_000_000;

/// What follows an instruction.
enum Operand {
    /// This many bytes.
    Bytes(u64),
    /// This many lines of text.
    Lines(usize),
    /// A length in this many bytes, little endian, and as many bytes as it says.
    Counted(usize),
}

/// Walks `count` pickles that follow each other in `reader`.
///
/// # Errors
/// When a pickle ends early, holds an unknown instruction, or has more instructions than a checkpoint.
pub(super) fn check(reader: &mut impl BufRead, count: usize) -> Result<()> {
    let mut instructions = 0;
    for _ in 0..count {
        while walk(reader).map_err(explained).context("walking through its pickle")? != b'.' {
            instructions += 1;
            ensure!(
                instructions <= INSTRUCTION_LIMIT,
                "its pickle has over {INSTRUCTION_LIMIT} instructions, more than any checkpoint"
            );
        }
    }
    Ok(())
}

/// Passes one instruction, and returns it.
fn walk(reader: &mut impl BufRead) -> Result<u8> {
    let [instruction] = bytes(reader)?;
    match operand(instruction)? {
        Operand::Bytes(length) => skip(reader, length)?,
        Operand::Lines(lines) => {
            for _ in 0..lines {
                reader.skip_until(b'\n')?;
            }
        }
        Operand::Counted(width) => {
            let mut length = [0; 8];
            reader.read_exact(&mut length[..width])?;
            skip(reader, u64::from_le_bytes(length))?;
        }
    }
    Ok(instruction)
}

/// The operands of Python's pickle instructions, protocols 0 to 5.
fn operand(instruction: u8) -> Result<Operand> {
    Ok(match instruction {
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
        | b's'
        | b't'
        | b'u'
        | b'}'
        | 0x81
        | 0x85..=0x89
        | 0x8f..=0x94 => Operand::Bytes(0),
        b'K' | b'h' | b'q' | 0x80 => Operand::Bytes(1),
        b'M' => Operand::Bytes(2),
        b'J' | b'j' | b'r' => Operand::Bytes(4),
        b'G' | 0x95 => Operand::Bytes(8),
        b'F' | b'I' | b'L' | b'P' | b'S' | b'V' | b'g' | b'p' => Operand::Lines(1),
        b'c' | b'i' => Operand::Lines(2),
        b'C' | b'U' | 0x8a | 0x8c => Operand::Counted(1),
        b'B' | b'T' | b'X' | 0x8b => Operand::Counted(4),
        0x8d | 0x8e | 0x96 => Operand::Counted(8),
        other => bail!("{other:#04x} is no instruction that a checkpoint may hold"),
    })
}

fn bytes<const N: usize>(reader: &mut impl Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn skip(reader: &mut impl Read, length: u64) -> Result<()> {
    let passed = copy(&mut reader.take(length), &mut sink())?;
    ensure!(passed == length, "the file ends inside the pickle");
    Ok(())
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

    fn error_of(mut pickle: &[u8], count: usize) -> String {
        format!("{:#}", check(&mut pickle, count).unwrap_err())
    }

    #[test]
    fn pickles_that_follow_each_other_are_walked_to_their_ends() {
        // {"a": [1, 2.5], "b": b"xy"}, protocol 2 with memo; then 7 in protocol 0; then unpickled text.
        let mut stream: &[u8] = b"\x80\x02}q\0(X\x01\0\0\0aq\x01]q\x02(K\x01G@\x04\0\0\0\0\0\0eX\x01\0\0\0bq\x03C\x02xyu.I7\n.rest";
        check(&mut stream, 2).unwrap();
        assert_eq!(stream, b"rest");
    }

    #[test]
    fn floods_truncations_and_unknown_instructions_are_refused() {
        let flood = vec![b'N'; INSTRUCTION_LIMIT + 2];
        assert!(error_of(&flood, 1).contains("instructions, more than any checkpoint"));
        assert!(error_of(b"\x80\x02NN", 1).contains("the file ends inside the pickle"));
        assert!(error_of(b"X\xff\xff\xff\xffabc.", 1).contains("the file ends inside the pickle"));
        assert!(error_of(b"N.", 2).contains("the file ends inside the pickle"));
        assert!(error_of(b"\x82\x01.", 1).contains("0x82 is no instruction"));
    }
}
