//! The sources of the kernels, which the program carries.

/// What all sources begin with.
const COMMON: &str = include_str!("common.cuh");

/// Its place in them.
const INCLUDED: &str = "#include \"common.cuh\"\n";

/// A file of kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// Its name without ending.
    pub name: &'static str,
    text: &'static str,
}

macro_rules! sources {
    ($($constant:ident: $name:literal;)*) => {
        $(pub(crate) const $constant: Source =
            Source { name: $name, text: include_str!(concat!($name, ".cu")) };)*

        /// Every file of kernels.
        pub(crate) const ALL: &[Source] = &[$($constant),*];
    };
}

sources! {
    ATTENTION: "attention";
    MUTUAL_SOFTMAX: "mutual_softmax";
    NEIGHBOURS: "neighbours";
    SOFT_ARGMAX: "soft_argmax";
}

impl Source {
    /// The whole source, as compilers take it; messages of theirs name its lines as they stand in the file.
    pub(crate) fn whole(self) -> String {
        let (before, after) =
            self.text.split_once(INCLUDED).expect("every file of kernels begins alike");
        let line = before.lines().count() + 2;
        format!("#line 1 \"common.cuh\"\n{COMMON}\n#line {line} \"{}.cu\"\n{after}", self.name)
    }

    /// The names of its kernels.
    pub(crate) fn entries(self) -> Vec<String> {
        self.text.lines().flat_map(entries).collect()
    }
}

/// The kernels that a line declares: three by `KERNELS` of `common.cuh`, or one by itself.
fn entries(line: &str) -> Vec<String> {
    let before = |text: &str, end| text.split(end).next().unwrap_or_default().trim().to_owned();
    if let Some(declared) = line.strip_prefix("KERNELS(") {
        let name = before(declared, ',');
        return ["float32", "bfloat16", "float16"].map(|kind| format!("{name}_{kind}")).into();
    }
    let alone = line.strip_prefix("extern \"C\" __global__ void __launch_bounds__(THREADS) ");
    alone.map(|declared| before(declared, '(')).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_of_a_source_is_found() {
        assert_eq!(
            SOFT_ARGMAX.entries(),
            ["soft_argmax_float32", "soft_argmax_bfloat16", "soft_argmax_float16"]
        );
        let softmax = MUTUAL_SOFTMAX.entries();
        assert_eq!(softmax.len(), 10);
        assert!(softmax.contains(&"column_scales".to_owned()), "{softmax:?}");
        assert!(
            ALL.iter()
                .all(|source| source.text.matches("__global__").count() <= source.entries().len())
        );
    }
}
