//! The sources of the kernels, which the program carries.

/// What all sources begin with.
const COMMON: &str = include_str!("common.cuh");

/// Its place in them.
const INCLUDED: &str = "#include \"common.cuh\"\n";

/// A file of kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
}
