//! What `export` shows of a comparison.

use crate::export::verify::{Difference, TOLERANCE, Verification};
use crate::terminal::Terminal;

impl Terminal {
    /// The largest differences, on stdout.
    pub(crate) fn show_verification(&self, verification: &Verification) {
        let show = |what: &str, Difference { absolute, relative }: Difference| {
            self.result(&format!(
                "{what}: largest difference of the flow {absolute:.3e} pixels, {relative:.3e} of its largest \
                 component"
            ));
        };
        show("file against original", verification.exported);
        if let Some(rounding) = verification.rounding {
            show("rounding to 16 bits", rounding);
        }
        let verdict = if verification.passed() { "equal" } else { "NOT equal" };
        self.result(&format!("{verdict} (tolerance: {TOLERANCE:e} of the largest component)"));
    }
}
