//! Runs a plan from the first arrival to the verdict, and tells how it goes meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::Failure;
use super::context::Context;
use super::disturb::disturb;
use super::generator::{beat, in_flight};
use super::latencies::Latencies;
use super::meter::Metric;
use super::plan::Plan;
use super::report::{FORMAT, Generator, Report, Second, Verdict};
use super::scenarios;
use super::server_metrics::ServerMetrics;
use super::units::{human, ms};
use crate::measure::process::own_cpu_time;

/// Seconds of a run that are kept: four hours.
const SECONDS_KEPT: usize = 14_400;

/// Prepares a run, and does it.
pub(super) async fn run(plan: Plan) -> Result<Report, Failure> {
    let context = Context::prepare(plan).await?;
    let done = run_in(&context).await;
    let finished = context.finish().await;
    let report = done?;
    finished?;
    Ok(report)
}

/// Does a run against a server that is there.
pub(super) async fn run_in(context: &Arc<Context>) -> Result<Report, Failure> {
    let before = ServerMetrics::look(context).await;
    let cpu = own_cpu_time()?;
    let began = context.began();
    let mut beside = JoinSet::new();
    let own = Arc::clone(context);
    beside.spawn(async move { beat(&own.meter).await });
    let own = Arc::clone(context);
    beside.spawn(async move { scenarios::call_time(&own).await });
    let series = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (own, kept) = (Arc::clone(context), Arc::clone(&series));
    beside.spawn(async move { watch(&own, &kept).await });
    // A fault that comes late is waited for, and so is whoever suffers from it.
    let (ran, disturbed) = tokio::join!(scenarios::run(context), disturb(context));
    let took = began.elapsed();
    beside.shutdown().await;
    ran?;
    disturbed?;
    let after = ServerMetrics::look(context).await;
    let cpu = own_cpu_time()?.saturating_sub(cpu).as_secs_f64() / took.as_secs_f64();
    let series = std::mem::take(&mut *series.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    Ok(judged(context, took, cpu, series, (before, after)))
}

/// Looks every second, and shows it.
async fn watch(context: &Context, kept: &std::sync::Mutex<Vec<Second>>) {
    let bar = progress(context);
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    tick.tick().await;
    loop {
        tick.tick().await;
        let second = second(context).await;
        bar.set_position((second.at_s as u64).min(context.plan.load.duration.as_secs()));
        let p99 = second.p99_ms.iter().filter(|(name, _)| *name != "lag");
        let p99: Vec<String> = p99.map(|(name, ms)| format!("{name} {}", human(*ms))).collect();
        let (done, failed, open) = (second.finished, second.failed, second.in_flight);
        let wrong: u64 = context.findings.violations().values().sum();
        bar.set_message(format!(
            "{open} open · {done} done · {failed} failed · {wrong} wrong · p99: {}",
            p99.join(", ")
        ));
        let mut kept = kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if kept.len() < SECONDS_KEPT {
            kept.push(second);
        }
    }
}

async fn second(context: &Context) -> Second {
    let count = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
    let (at, counts) = (context.began().elapsed(), &context.meter.counts);
    let turned = Metric::ALL.map(|metric| (metric, context.meter.turn(metric)));
    Second {
        at_s: at.as_secs_f64(),
        in_flight: in_flight(&context.meter),
        arrivals: count(&counts.arrivals),
        finished: count(&counts.finished),
        failed: count(&counts.failed),
        p99_ms: turned
            .into_iter()
            .filter(|(_, second)| second.count > 0)
            .map(|(metric, second)| (metric.name().to_owned(), second.p99_ms))
            .collect(),
        server: ServerMetrics::look(context).await,
    }
}

fn progress(context: &Context) -> ProgressBar {
    let bar = ProgressBar::new(context.plan.load.duration.as_secs());
    if context.plan.telling.quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{elapsed_precise} {bar:24} {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn judged(
    context: &Context,
    took: Duration,
    cpu: f64,
    series: Vec<Second>,
    (server_before, server_after): (Option<ServerMetrics>, Option<ServerMetrics>),
) -> Report {
    let (plan, counts) = (&context.plan, &context.meter.counts);
    let latencies: BTreeMap<String, Latencies> =
        Metric::ALL.map(|metric| (metric.name().to_owned(), Latencies::of(&context.meter.total(metric)))).into();
    let count = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
    let (lag, max_lag_ms) = (&latencies["lag"], ms(plan.load.max_lag));
    let dropped = count(&counts.dropped);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let generator = Generator {
        arrivals: count(&counts.arrivals),
        dropped,
        lag_p99_ms: lag.p99_ms,
        lag_max_ms: lag.max_ms,
        max_lag_ms,
        cpu_share: cpu / cores as f64,
        saturated: dropped > 0 || lag.p99_ms > max_lag_ms,
    };
    let mut report = Report {
        format: FORMAT.to_owned(),
        scenario: plan.scenario.name(),
        label: plan.telling.label.clone(),
        at: Timestamp::now().to_string(),
        took_s: took.as_secs_f64(),
        parameters: serde_json::to_value(&plan.load).unwrap_or_default(),
        faults: plan.faults.iter().map(super::disturb::Fault::text).collect(),
        generator,
        counts: BTreeMap::from(
            [
                ("finished", &counts.finished),
                ("failed", &counts.failed),
                ("requests", &counts.requests),
                ("bytes", &counts.bytes),
                ("pushes", &counts.pushes),
                ("probes", &counts.probes),
                ("reconnects", &counts.reconnects),
                ("retries", &counts.retries),
            ]
            .map(|(name, value)| (name.to_owned(), count(value))),
        ),
        violations: context.findings.violations(),
        examples: context.findings.examples(),
        errors: context.findings.errors(),
        latencies,
        series,
        server_before,
        server_after,
        ..Report::default()
    };
    report.thresholds = plan.telling.thresholds.iter().map(|threshold| threshold.judge(&report)).collect();
    conclude(&mut report, plan.telling.max_errors);
    report
}

/// The verdict, by what the report holds. Wrong answers count however late the generator was; good figures do not, when it was.
pub(super) fn conclude(report: &mut Report, max_errors: f64) {
    let mut reasons = Vec::new();
    for (kind, count) in report.violations.iter().filter(|(_, count)| **count > 0) {
        reasons.push(format!("{count} {kind}"));
    }
    let share = report.count("error_share").unwrap_or_default();
    if share > max_errors {
        reasons.push(format!("{:.2} % of sessions failed, {:.2} % may", share * 100.0, max_errors * 100.0));
    }
    if report.counts.get("finished").copied().unwrap_or_default() == 0 {
        reasons.push("not one session ended well".to_owned());
    }
    let wrong = !reasons.is_empty();
    for judged in report.thresholds.iter().filter(|judged| !judged.passed) {
        let found = judged.value.map_or_else(|| "nothing was measured".to_owned(), |value| format!("it is {value:.3}"));
        reasons.push(format!("{} does not hold: {found}", judged.threshold));
    }
    let Generator { saturated, lag_p99_ms, max_lag_ms, dropped, .. } = &report.generator;
    if *saturated {
        let (lag, limit) = (human(*lag_p99_ms), human(*max_lag_ms));
        reasons.push(format!("the generator was saturated: p99 of its lag {lag} (limit {limit}), {dropped} dropped"));
    }
    report.verdict = match (wrong, *saturated, reasons.is_empty()) {
        (true, _, _) => Verdict::Fail,
        (false, true, _) => Verdict::Invalid,
        (false, false, false) => Verdict::Fail,
        (false, false, true) => Verdict::Pass,
    };
    report.reasons = reasons;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fine() -> Report {
        let mut report = Report::default();
        report.counts.insert("finished".to_owned(), 100);
        report
    }

    fn verdict(mut report: Report) -> Verdict {
        conclude(&mut report, 0.0);
        report.verdict
    }

    #[test]
    fn a_saturated_generator_makes_good_figures_invalid_and_leaves_wrong_answers_wrong() {
        let mut late = fine();
        late.generator.saturated = true;
        assert_eq!(verdict(fine()), Verdict::Pass);
        assert_eq!(verdict(late.clone()), Verdict::Invalid);
        late.violations.insert("corrupt".to_owned(), 1);
        assert_eq!(verdict(late), Verdict::Fail);
    }

    #[test]
    fn a_run_in_which_nothing_succeeded_fails() {
        assert_eq!(verdict(Report::default()), Verdict::Fail);
    }
}
