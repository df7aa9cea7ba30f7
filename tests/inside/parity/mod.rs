//! Our networks against the reference's numbers, at full size; LPMFlow with weights made by a formula.

mod actr;
mod cats;
mod chm;
mod dhpf;
mod diy_sc;
mod efficientnet;
pub mod formula;
mod forward;
mod golden;
mod losses;
mod marco;
mod mmnet;
mod ncnet;
mod near_cells;
mod resnet;
mod scot;
mod train;
mod transformatcher;
mod vit;
