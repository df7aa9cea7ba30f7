//! From two photos to files: the flow, the warp, matches, colours, the confidence, keypoints.
//!
//! [`plan::Plan`] says what is wanted of a pair, [`pair::run`] does it for one pair and [`batch::run`] for a
//! list. Nothing here prints.

pub(crate) mod batch;
pub(crate) mod confidence;
pub(crate) mod content;
pub(crate) mod context;
pub(crate) mod correspondence;
pub(crate) mod drawing;
pub(crate) mod format;
pub(crate) mod keypoints;
pub(crate) mod limits;
pub(crate) mod output;
pub(crate) mod pair;
pub(crate) mod pair_list;
pub(crate) mod photo;
pub(crate) mod plan;
pub(crate) mod product;
pub(crate) mod record;
pub(crate) mod score;
pub(crate) mod transferred;
pub(crate) mod verdict;
