//! Weighted logistic regression by Newton's method.

use tch::{Device, Kind, Tensor};

/// One observation.
#[derive(Clone, Debug)]
pub struct Sample<const N: usize> {
    pub evidence: [f64; N],
    pub right: bool,
    pub weight: f64,
}

/// Keeps coefficients finite where the samples leave them open.
const RIDGE: f64 = 1e-6;

/// Far more than Newton's method needs.
const STEPS: usize = 30;

/// The bias and the coefficients that make the samples most likely.
pub fn fit<const N: usize>(samples: &[Sample<N>]) -> (f64, [f64; N]) {
    let column = |value: &dyn Fn(&Sample<N>) -> f64| {
        Tensor::from_slice(&samples.iter().map(value).collect::<Vec<f64>>()).unsqueeze(1) // [M, 1]
    };
    let weight = column(&|sample| sample.weight);
    let weight = &weight / weight.sum(Kind::Double);
    let right = column(&|sample| f64::from(u8::from(sample.right)));
    // All of one scale, and a column of ones for the bias.
    let mean = |values: &Tensor| (values * &weight).sum(Kind::Double).double_value(&[]);
    let (mut columns, mut means, mut scales) = (vec![right.ones_like()], [0.0; N], [1.0; N]);
    for kind in 0..N {
        let values = column(&|sample| sample.evidence[kind]);
        means[kind] = mean(&values);
        scales[kind] = mean(&(&values - means[kind]).square()).sqrt().max(1e-9);
        columns.push((values - means[kind]) / scales[kind]);
    }
    let rows = Tensor::cat(&columns, 1); // [M, N + 1]
    let ridge = Tensor::eye(N as i64 + 1, (Kind::Double, Device::Cpu)) * RIDGE;
    let mut coefficients = Tensor::zeros([N as i64 + 1, 1], (Kind::Double, Device::Cpu));
    for _ in 0..STEPS {
        let probability = rows.matmul(&coefficients).sigmoid();
        let error = (&right - &probability) * &weight;
        let gradient = rows.tr().matmul(&error) - &coefficients * RIDGE;
        let spread = &weight * &probability * (1.0 - &probability);
        let weighted: Tensor = &rows * spread;
        let hessian = weighted.tr().matmul(&rows) + &ridge;
        coefficients += Tensor::linalg_solve(&hessian, &gradient, true);
    }
    let value = |index: usize| coefficients.double_value(&[index as i64, 0]);
    let slopes: [f64; N] = std::array::from_fn(|kind| value(kind + 1) / scales[kind]);
    let bias = value(0) - slopes.iter().zip(means).map(|(slope, mean)| slope * mean).sum::<f64>();
    (bias, slopes)
}

#[test]
fn coefficients_that_drew_the_samples_are_found_again() {
    let truth = (-0.5, [1.5, -2.0]);
    // Every point of a grid, right as often as the truth says.
    let mut samples = Vec::new();
    for (x, y) in (-10..=10).flat_map(|x| (-10..=10).map(move |y| (x, y))) {
        let evidence = [f64::from(x) / 5.0, f64::from(y) / 5.0];
        let logit = truth.0 + truth.1[0] * evidence[0] + truth.1[1] * evidence[1];
        let probability = 1.0 / (1.0 + f64::exp(-logit));
        samples.push(Sample { evidence, right: true, weight: probability });
        samples.push(Sample { evidence, right: false, weight: 1.0 - probability });
    }
    let (bias, slopes) = fit(&samples);
    let found = [bias, slopes[0], slopes[1]];
    for (found, wanted) in found.iter().zip([truth.0, truth.1[0], truth.1[1]]) {
        assert!((found - wanted).abs() < 1e-2, "{found}, not {wanted}");
    }
}
