//! The program.

use std::process::ExitCode;

fn main() -> ExitCode {
    lpmflow::main()
}
