//! Two reports side by side.

use super::*;
use crate::eval::testing::report;

/// A report of 30 pairs with 4 keypoints, of which as many are right as `correct` says.
fn scored(correct: impl Fn(usize) -> usize) -> Report {
    report(&(0..30).map(correct).collect::<Vec<_>>())
}

fn options(max_drop: f64) -> CompareOptions {
    CompareOptions { max_drop: Some(max_drop), ..CompareOptions::default() }
}

#[test]
fn drop_beyond_the_allowed_points_is_a_regression_and_one_at_the_limit_is_not() {
    let before = scored(|_| 2);
    let after = scored(|pair| if pair < 3 { 1 } else { 2 });
    let compared = |max_drop| compare(&before, &after, &options(max_drop)).unwrap();
    assert_eq!(compared(1.0).headline.difference, -2.5);
    assert!(compared(2.4).regression);
    assert!(!compared(2.5).regression);
    assert!(compared(1.0).verdict().starts_with("regression: `standard` PCK@0.1 50.00 -> 47.50"));
    let unlimited = compare(&before, &after, &CompareOptions::default()).unwrap();
    assert!(!unlimited.regression);
    assert!(!compare(&after, &before, &options(0.0)).unwrap().regression);
}

#[test]
fn a_category_that_falls_is_named_and_may_decide() {
    // `cat` rises by as much as `dog` falls.
    let before = scored(|_| 2);
    let after = scored(|pair| if pair % 2 == 0 { 3 } else { 1 });
    let compared = |max_drop_category| {
        let options =
            CompareOptions { max_drop: Some(1.0), max_drop_category, ..Default::default() };
        compare(&before, &after, &options).unwrap()
    };
    let silent = compared(None);
    assert!(!silent.regression && !silent.headline_regression());
    let dog = "dog <&\"> -25.00 (50.00 -> 25.00)";
    assert_eq!(silent.category_verdict(), Some(format!("categories that fell: {dog}")));
    assert!(!compared(Some(25.0)).regression);
    let beyond = compared(Some(20.0));
    assert!(beyond.regression && !beyond.headline_regression());
    assert_eq!(
        beyond.category_verdict(),
        Some(format!("regression by category: {dog}; a drop of 20 is allowed"))
    );
    assert!(beyond.verdict().starts_with("all pairs satisfy: "), "{}", beyond.verdict());
    assert_eq!(compare(&before, &before, &options(0.0)).unwrap().category_verdict(), None);
}

#[test]
fn every_alpha_and_significance_are_conditions_of_their_own() {
    let before = scored(|_| 2);
    // One pair alone: it is missing in more than a third of the draws.
    let slightly = scored(|pair| if pair == 0 { 1 } else { 2 });
    let plainly = scored(|pair| if pair < 12 { 1 } else { 2 });
    let judged = |after: &Report, alphas: Alphas, max_drop: Option<f64>| {
        let options = CompareOptions { significant: true, max_drop, alphas, ..Default::default() };
        compare(&before, after, &options).unwrap()
    };
    let names =
        |comparison: &Comparison| comparison.regressions().map(Condition::name).collect::<Vec<_>>();
    assert_eq!(names(&judged(&slightly, Alphas::All, Some(1.0))), [] as [&str; 0]);
    let all = judged(&plainly, Alphas::All, Some(11.0));
    assert_eq!(all.conditions.len(), 4);
    assert_eq!(names(&all), ["significant PCK@0.05", "significant PCK@0.1"]);
    assert_eq!(all.conditions[1].level, Some(0.975));
    assert_eq!(all.other_regressions().count(), 1);
    assert!(all.verdict().ends_with("; a significant drop is not allowed"), "{}", all.verdict());
    let finding = all.conditions[1].finding();
    assert!(finding.contains("-10.00 points, 97.5 % interval -"), "{finding}");
    let one = judged(&plainly, Alphas::These(vec!["0.05".into()]), Some(9.0));
    assert_eq!(names(&one), ["max-drop PCK@0.05", "significant PCK@0.05"]);
    assert!(one.regression && !one.headline_regression());
    let elsewhere = one.failing_elsewhere().unwrap();
    assert_eq!(elsewhere, "regression: 2 of 2 conditions are not satisfied");
    assert_eq!(all.failing_elsewhere(), None);
    assert!(!judged(&before, Alphas::All, Some(0.0)).regression);
}

#[test]
fn significance_needs_the_pairs_and_other_alphas_must_be_shared() {
    let (before, bare) = (scored(|_| 2), Report { pairs: None, ..scored(|_| 2) });
    let significant = CompareOptions { significant: true, ..CompareOptions::default() };
    let text = format!("{:#}", compare(&bare, &before, &significant).unwrap_err());
    assert!(text.contains("which the earlier report does not hold"), "{text}");
    let alphas = Alphas::These(vec!["0.3".into()]);
    let options = CompareOptions { alphas, ..options(1.0) };
    let text = format!("{:#}", compare(&before, &before, &options).unwrap_err());
    assert!(text.contains("`standard` at alpha 0.3 is not in both"), "{text}");
}

#[test]
fn other_builds_and_processors_are_told() {
    let before = scored(|_| 2);
    let mut after = before.clone();
    let told =
        |after: &Report| compare(&before, after, &CompareOptions::default()).unwrap().origins;
    assert_eq!(told(&after), None);
    after.tool.build = Some("0123456789abcdef".into());
    after.run.instructions = Some("AVX2".into());
    let text = told(&after).unwrap();
    assert!(
        text.contains("the later one from lpmflow ") && text.ends_with(" (0123456789ab) on AVX2"),
        "{text}"
    );
}

#[test]
fn what_conditions_do_not_tell_is_said() {
    let (few, mut before) = (report(&[4, 3]), scored(|_| 2));
    let options = CompareOptions {
        significant: true,
        max_drop_category: Some(1.0),
        ..CompareOptions::default()
    };
    let notes = compare(&few, &few, &options).unwrap().notes;
    assert_eq!(notes, ["what is beyond chance is told by 2 pairs alone, which say little"]);
    let after = before.clone();
    assert!(compare(&before, &after, &options).unwrap().notes.is_empty());
    before.protocols[0].categories.shift_remove("cat");
    let notes = compare(&before, &after, &options).unwrap().notes;
    assert_eq!(notes, ["the earlier report has no score of `cat`: a drop there is not judged"]);
}

#[test]
fn interval_is_paired() {
    // Pairs differ a lot from each other, but the change is the same in each.
    let before = scored(|pair| pair % 4);
    let after = scored(|pair| pair % 4 + 1);
    let change = compare(&before, &after, &CompareOptions::default()).unwrap().headline;
    let [low, high] = change.interval95.unwrap();
    assert!((low - 25.0).abs() < 1e-9 && (high - 25.0).abs() < 1e-9, "{low}..{high}");
}

#[test]
fn report_without_pairs_is_compared_without_an_interval() {
    let before = Report { pairs: None, ..scored(|_| 2) };
    let change = compare(&before, &scored(|_| 3), &CompareOptions::default()).unwrap().headline;
    assert_eq!((change.difference, change.interval95), (25.0, None));
}

#[test]
fn unlike_reports_are_refused() {
    let before = scored(|_| 2);
    let refusal = |change: &dyn Fn(&mut Report)| {
        let mut after = before.clone();
        change(&mut after);
        format!("{:#}", compare(&before, &after, &CompareOptions::default()).unwrap_err())
    };
    let text = refusal(&|report| report.dataset.split = "val".into());
    assert!(text.contains("different splits: `test` and `val`"), "{text}");
    let text = refusal(&|report| report.dataset.fingerprint = "b".repeat(64));
    assert!(text.contains("different pairs or annotations"), "{text}");
    let text = refusal(&|report| report.protocols[0].average = Average::Keypoints);
    assert!(text.contains("`standard` measure differently"), "{text}");
    let mut after = before.clone();
    after.protocols[0].categories.shift_remove("dog <&\">");
    let limited = CompareOptions { max_drop_category: Some(1.0), ..CompareOptions::default() };
    let text = format!("{:#}", compare(&before, &after, &limited).unwrap_err());
    assert!(text.contains("categories `dog <&\">` the later report has no score"), "{text}");
    let text = refusal(&|report| report.protocols[0].name = "paper".parse().unwrap());
    assert!(text.contains("`standard` at alpha 0.1 is not in both"), "{text}");
}
