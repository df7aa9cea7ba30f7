//! From two photos to files: the flow, the warp, matches, colours, the confidence, keypoints.
//!
//! [`pair::correspond`] asks the network, [`plan::Plan`] says what is wanted of a pair, [`pair::write`] does it, and
//! [`batch::run`] both for a list. Nothing here prints.

pub(crate) mod annotation;
pub(crate) mod batch;
mod carrier;
pub(crate) mod certainty;
pub(crate) mod confidence;
pub(crate) mod content;
pub(crate) mod context;
pub(crate) mod correspondence;
pub(crate) mod format;
pub(crate) mod keypoints;
pub(crate) mod label_score;
pub(crate) mod limits;
pub(crate) mod output;
pub(crate) mod pair;
pub(crate) mod pair_list;
pub(crate) mod photo;
pub(crate) mod plan;
pub(crate) mod product;
pub(crate) mod ranking;
pub(crate) mod record;
pub(crate) mod score;
pub(crate) mod transferred;
pub(crate) mod turning;
pub(crate) mod verdict;
