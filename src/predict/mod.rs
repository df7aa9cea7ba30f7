//! From two photos to files: the flow, the warp, the match drawing, the confidence, keypoints.
//!
//! [`plan::Plan`] says what is wanted of a pair, [`pair::run`] does it for one pair and [`batch::run`] for a
//! list. Nothing here prints.

pub mod batch;
pub mod confidence;
pub mod context;
pub mod correspondence;
pub mod format;
pub mod keypoints;
pub mod output;
pub mod pair;
pub mod pair_list;
pub mod photo;
pub mod plan;
pub mod product;
pub mod record;
pub mod score;
pub mod transferred;
