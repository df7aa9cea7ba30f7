//! The program.

fn main() -> ! {
    lpmflow::main()
}
