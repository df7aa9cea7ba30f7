//! Whether a run can learn, said before it; and whether it has, said after it.

use tch::{Kind, Tensor, no_grad};

use crate::nn::parameters::{Group, Parameter};
use crate::train::config::TrainConfig;
use crate::train::folder::state::{Best, Start};
use crate::train::optim::schedule::Progress;

/// How far, in parts of their own size, random weights must be able to move before they mean anything.
const FROM_RANDOM: f64 = 0.5;

/// The same of weights that are trained already.
const FURTHER: f64 = 0.005;

/// How far a run can move a group of its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reach {
    /// The sum of the learning rates: an optimizer that normalises gradients moves no value much further.
    pub rates: f64,
    /// The usual size of the group's weights, as the root of their mean square.
    pub size: f64,
    /// Whether they are random at the beginning.
    pub random: bool,
}

impl Reach {
    /// How far the run can move the group that it moves furthest; `None` if it moves none.
    pub(super) fn furthest(
        config: &TrainConfig,
        steps_per_epoch: u64,
        trained: &[&Parameter],
    ) -> Option<Self> {
        let random = config.model.init.is_none();
        let reach = |group: Group| {
            let of_group = trained.iter().filter(|parameter| parameter.group == group);
            let size = size(of_group.map(|parameter| &parameter.tensor));
            Self { rates: rates(config, steps_per_epoch, group, size), size, random }
        };
        let mut groups: Vec<Group> = trained.iter().map(|parameter| parameter.group).collect();
        groups.sort_unstable();
        groups.dedup();
        groups.into_iter().map(reach).max_by(|a, b| a.share().total_cmp(&b.share()))
    }

    /// Whether the run is too short, or its rates too low, to change what the weights find.
    pub(crate) fn too_short(&self) -> bool {
        self.share() < if self.random { FROM_RANDOM } else { FURTHER }
    }

    fn share(&self) -> f64 {
        self.rates / self.size.max(f64::MIN_POSITIVE)
    }
}

/// The sum of a group's learning rates over a run, or as much of it as exceeds the size of its weights.
fn rates(config: &TrainConfig, steps_per_epoch: u64, group: Group, size: f64) -> f64 {
    let base = config.base_rate(group);
    let places =
        (0..config.epochs).flat_map(|epoch| (0..steps_per_epoch).map(move |step| (epoch, step)));
    let mut sum = 0.0;
    for (epoch, step) in places {
        let step = epoch * steps_per_epoch + step;
        let now = Progress { epoch, epochs: config.epochs, step };
        sum += config.schedule.learning_rate(base, now);
        if sum > size || base == 0.0 {
            break;
        }
    }
    sum
}

/// The root of the mean square of weights; vectors, as biases and factors, are left out.
fn size<'a>(tensors: impl Iterator<Item = &'a Tensor>) -> f64 {
    let (mut squares, mut count) = (0.0, 0);
    for tensor in tensors.filter(|tensor| tensor.dim() > 1) {
        squares += no_grad(|| tensor.square().sum(Kind::Double)).double_value(&[]);
        count += tensor.numel();
    }
    (squares / count.max(1) as f64).sqrt()
}

/// What came of a run: PCK of the validation pairs in percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Verdict {
    /// What there was to improve on.
    pub start: Start,
    /// The best of what it had, the weights that it began with among them.
    pub best: Best,
}

impl Verdict {
    /// The verdict on a run; `None` if it is not known where it began.
    pub(super) fn new(start: Option<Start>, best: Option<Best>) -> Option<Self> {
        Some(Self { start: start?, best: best? })
    }

    /// Whether the run's best weights are better than what it began with.
    pub(crate) fn improved(&self) -> bool {
        self.best.pck > self.start.pck
    }

    /// Whether they are better than no weights at all.
    pub(crate) fn useful(&self) -> bool {
        self.best.pck > self.start.same_position
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(steps: u64, rate: f64, init: Option<&str>) -> Reach {
        let mut config = TrainConfig { learning_rate: rate, epochs: 10, ..TrainConfig::default() };
        config.model.init = init.map(Into::into);
        let parameter = |name: &str, tensor: Tensor| Parameter {
            name: name.to_owned(),
            tensor,
            group: Group::HEAD,
            buffer: false,
        };
        let weight = parameter("weight", Tensor::from_slice(&[0.03f32, -0.03]).view([1, 2]));
        let bias = parameter("bias", Tensor::from_slice(&[100.0f32]));
        Reach::furthest(&config, steps / 10, &[&weight, &bias]).unwrap()
    }

    #[test]
    fn ten_steps_at_the_papers_rate_do_not_teach_random_weights() {
        let ten = reach(10, 4e-5, None);
        assert!((ten.rates - 4e-4).abs() < 1e-12 && (ten.size - 0.03).abs() < 1e-6, "{ten:?}");
        assert!(ten.too_short());
        assert!(!reach(1000, 4e-5, None).too_short());
        assert!(!reach(10, 1e-3, Some("lite")).too_short());
        assert!(reach(10, 1e-6, Some("lite")).too_short());
    }

    #[test]
    fn a_run_has_learned_if_it_beats_its_start_and_the_same_position() {
        let verdict = |start, same_position, pck| {
            let start = Start { pck: start, same_position };
            let verdict = Verdict::new(Some(start), Some(Best { epoch: Some(1), pck })).unwrap();
            (verdict.improved(), verdict.useful())
        };
        assert_eq!(verdict(0.8, 17.0, 1.6), (true, false));
        assert_eq!(verdict(80.0, 17.0, 79.0), (false, true));
        assert_eq!(verdict(80.0, 17.0, 81.0), (true, true));
        assert_eq!(Verdict::new(None, None), None);
    }
}
