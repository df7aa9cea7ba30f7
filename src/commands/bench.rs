//! `lpmflow bench`: builds the engine, times it, prints a table or JSON.

use anyhow::Result;
use serde_json::json;

use crate::bench::spread::doubts;
use crate::bench::{
    BenchConfig, Latency, Measurement, Reduction, run as time, run_reduction, run_training,
};
use crate::cli::bench::BenchArguments;
use crate::commands::Outcome;
use crate::commands::engine::{device_name, log_weights};
use crate::commands::interrupt::leave_on_interrupt;
use crate::commands::processes::{self, Processes, Sharing};
use crate::inference::{Engine, EngineOptions, ModelDescription, memory};
use crate::model::architecture::preset;
use crate::model::cost::StageCost;
use crate::spelling::counted;
use crate::terminal::Terminal;

/// Runs the command.
///
/// # Errors
/// When the model cannot be loaded or the loader's photo not written.
pub(crate) fn run(arguments: &BenchArguments, terminal: &Terminal) -> Result<Outcome> {
    let sharing = Sharing::new("bench", arguments.processes);
    processes::run(sharing, terminal, |processes, terminal| {
        leave_on_interrupt()?;
        match processes.communicator.world_size() {
            1 if arguments.processes.is_none() => bench(arguments, terminal),
            _ => bench_reduction(arguments, processes, terminal),
        }
    })
}

/// Times the sum of gradients over processes.
fn bench_reduction(
    arguments: &BenchArguments,
    processes: &Processes,
    terminal: &Terminal,
) -> Result<Outcome> {
    let device = processes.device(&arguments.model.device);
    let options = EngineOptions { device, ..options(arguments) };
    let engine = engine(arguments, &options)?;
    log_weights(&engine, terminal);
    let config = config(arguments);
    let transfer = arguments.gradient_transfer;
    let model = engine.model().config();
    let over = (&*processes.communicator, transfer);
    let Reduction { measurement, bytes } = run_reduction(model, &config, engine.device(), over)?;
    let world = processes.communicator.world_size();
    if arguments.json {
        let report = json!({
            "schema": 1,
            "tool": tool(),
            "model": engine.description()?,
            "run": {
                "device": device_name(&engine),
                "precision": arguments.model.precision,
                "threads": tch::get_num_threads(),
                "iterations": arguments.iterations,
                "processes": world,
                "gradient_transfer": transfer,
                "gradient_bytes": bytes,
            },
            "measurements": [measurement],
        });
        terminal.result(&report.to_string());
    } else {
        let Latency { p50, p90, min, .. } = measurement.latency_ms;
        terminal.result(&format!(
            "gradients of {:.1} MB, summed over {world} processes: median {p50:.1} ms, p90 {p90:.1} ms, min {min:.1} ms \
             ({:.2} GB/s)",
            bytes as f64 / 1e6,
            bytes as f64 / 1e6 / p50
        ));
    }
    doubts(&[measurement]).iter().for_each(|doubt| terminal.warn(doubt));
    Ok(Outcome::Done)
}

fn bench(arguments: &BenchArguments, terminal: &Terminal) -> Result<Outcome> {
    let engine = engine(arguments, &options(arguments))?;
    log_weights(&engine, terminal);
    let config = config(arguments);
    let learns = engine.model().config().matcher.objective().is_some();
    if !learns && !arguments.no_training {
        terminal.log("the model's matcher does not learn, so no training step is timed");
    }
    let trains = learns && !arguments.no_training;
    let training_steps = if trains { 1 + config.training_steps() } else { 0 };
    let rounds = config.rounds() + training_steps;
    let template = "{bar:30} {pos}/{len} rounds{pace}";
    let progress = terminal.progress(("timing", "rounds"), rounds, template);
    let stages = engine.model().config().work()?;
    let mut measurements = time(&engine, &stages, &config, &mut || progress.inc(1))?;
    let mut peaks = Peaks { inference: memory::peak_bytes(), training: None };
    if trains {
        measurements.push(run_training(&engine, &config, &mut || progress.inc(1))?);
        peaks.training = memory::peak_bytes();
    }
    drop(progress);

    let description = engine.description()?;
    if arguments.json {
        terminal.result(
            &report(&engine, &description, &stages, (&measurements, peaks), arguments).to_string(),
        );
    } else {
        terminal.result(&table(&engine, &description, &stages, (&measurements, peaks)));
    }
    doubts(&measurements).iter().for_each(|doubt| terminal.warn(doubt));
    Ok(Outcome::Done)
}

fn options(arguments: &BenchArguments) -> EngineOptions {
    EngineOptions {
        weights: arguments.model.choice(),
        device: arguments.model.device.clone(),
        precision: arguments.model.precision,
        kernels: arguments.model.kernels,
        cache_bytes: 0,
        cuda_graph: arguments.model.cuda_graph,
        side_by_side: false,
    }
}

fn engine(arguments: &BenchArguments, options: &EngineOptions) -> Result<Engine> {
    match &arguments.untrained {
        Some(name) => Engine::untrained(&options.weights.adjusted(&preset(name)?)?, options),
        None => Engine::load(options),
    }
}

fn config(arguments: &BenchArguments) -> BenchConfig {
    BenchConfig {
        batch_size: arguments.batch_size.get(),
        iterations: arguments.iterations.get(),
        warm_up: arguments.warm_up,
        products: arguments.limit.then(|| arguments.model.precision.kind()),
    }
}

/// This program, in reports.
fn tool() -> serde_json::Value {
    json!({"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")})
}

/// The most memory held, in bytes.
#[derive(Clone, Copy, Debug)]
struct Peaks {
    /// Up to the end of the forward passes.
    inference: Option<u64>,
    /// Up to the end of the training steps, where these are timed.
    training: Option<u64>,
}

fn report(
    engine: &Engine,
    description: &ModelDescription,
    stages: &[StageCost],
    (measurements, peaks): (&[Measurement], Peaks),
    arguments: &BenchArguments,
) -> serde_json::Value {
    let operations: serde_json::Map<String, serde_json::Value> = stages
        .iter()
        .map(|stage| (stage.name.to_owned(), json!(stage.work.operations())))
        .collect();
    json!({
        "schema": 1,
        "tool": tool(),
        "model": description,
        "operations_per_pair": operations,
        "run": {
            "device": device_name(engine),
            "precision": arguments.model.precision,
            "threads": tch::get_num_threads(),
            "batch_size": arguments.batch_size,
            "iterations": arguments.iterations,
            "peak_memory_bytes": peaks.inference,
            "training_peak_memory_bytes": peaks.training,
        },
        "measurements": measurements,
    })
}

fn table(
    engine: &Engine,
    description: &ModelDescription,
    stages: &[StageCost],
    (measurements, peaks): (&[Measurement], Peaks),
) -> String {
    let operations: f64 = stages.iter().map(|stage| stage.work.operations()).sum();
    let mut lines = vec![
        format!(
            "{}: {:.1} M parameters, {:.1} GFLOP a pair, on {} with {}",
            description.weights,
            description.parameters as f64 / 1e6,
            operations / 1e9,
            device_name(engine),
            counted(tch::get_num_threads(), "thread"),
        ),
        String::new(),
        format!("{:10} {:>9} {:>9} {:>9} {:>9}", "ms", "median", "p90", "min", "per second"),
    ];
    for Measurement { name, unit, latency_ms, per_second, .. } in measurements {
        let [p50, p90, min] = [latency_ms.p50, latency_ms.p90, latency_ms.min];
        lines.push(format!("{name:10} {p50:9.1} {p90:9.1} {min:9.1} {per_second:9.2} {unit}s"));
    }
    lines.push(String::new());
    let share = |stage: &StageCost| format!("{} {:.1}", stage.name, stage.work.operations() / 1e9);
    lines.push(format!("GFLOP: {}", stages.iter().map(share).collect::<Vec<_>>().join(", ")));
    lines.extend(limit(stages, measurements));
    for (what, bytes) in [("", peaks.inference), (" with training", peaks.training)] {
        if let Some(bytes) = bytes {
            lines.push(format!("peak memory{what}: {:.0} MiB", bytes as f64 / f64::from(1 << 20)));
        }
    }
    lines.join("\n")
}

/// How far the forward pass is from its matrix products, where these were timed.
fn limit(stages: &[StageCost], measurements: &[Measurement]) -> Option<String> {
    let named = |name| measurements.iter().find(|measurement| measurement.name == name);
    let (forward, products) = (named("forward")?, named("products")?);
    let operations: f64 = stages.iter().map(|stage| stage.work.in_products()).sum();
    let seconds = products.latency_ms.p50 / 1e3;
    Some(format!(
        "limit: the forward pass takes {:.2} times as long as its matrix products alone ({:.1} GFLOP, at {:.0} a second)",
        forward.latency_ms.p50 / products.latency_ms.p50,
        operations / 1e9,
        operations * products.units as f64 / 1e9 / seconds,
    ))
}
