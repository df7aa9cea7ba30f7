//! Files of predictions that are sound, spelled otherwise, or unusable.

use std::collections::BTreeMap;
use std::fs;

use super::*;
use crate::eval::testing::pair;
use crate::geometry::Point;

fn pairs() -> Vec<Pair> {
    let names =
        [("dog/a.jpg", "dog/b.jpg"), ("dog/b.jpg", "dog/a.jpg"), ("cat/a.jpg", "cat/b.jpg")];
    let numbered = |(index, (source, target)): (usize, (&str, &str))| {
        let mut pair = pair(&[(1.0, 1.0), (2.0, 2.0)], &[(3.0, 3.0), (4.0, 4.0)]);
        pair.index = index;
        pair.source.path = Path::new("/data/JPEGImages").join(source);
        pair.target.path = Path::new("/data/JPEGImages").join(target);
        pair
    };
    names.into_iter().enumerate().map(numbered).collect()
}

fn stored(text: &str, skip_bad: bool) -> Result<Stored> {
    parse(text, &PairFinder::new(&pairs(), &[], Path::new("/data")), skip_bad, None)
}

fn read_text(text: &str) -> Result<Vec<Prediction>> {
    Ok(stored(text, false)?.predictions)
}

fn problem(text: &str) -> String {
    format!("{:#}", read_text(text).unwrap_err())
}

#[test]
fn pairs_are_found_by_names_or_index_in_any_order() {
    let read = read_text(
        "{\"index\": 1, \"predicted\": [[5, 6], [7, 8.5]], \"note\": \"ignored\"}\r\n\n\
         {\"source\": \"dog/a\", \"target\": \"dog/b.jpg\", \"predicted\": [[0, 0], [1, 1]]}",
    )
    .unwrap();
    assert_eq!(read.iter().map(|prediction| prediction.pair).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(read[1].points, [Point::new(5.0, 6.0), Point::new(7.0, 8.5)]);
}

#[test]
fn written_predictions_are_read_back_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("predictions.jsonl");
    let pairs = pairs();
    let third = 1.0 / 3.0;
    let prediction = |pair: &Pair| Prediction {
        pair: pair.index,
        points: vec![Point::new(third, -0.1); 2],
        framed: BTreeMap::from([
            (MeasureFrame::Stretched256, vec![Point::new(0.1, third); 2]),
            (MeasureFrame::Paper512, vec![Point::new(1e-9, 511.7 * third); 2]),
            (MeasureFrame::Padded840, vec![Point::new(839.9 * third, 1e-9); 2]),
        ]),
        confidence: Some(vec![Some(third), Some(1.0)]),
        dense: None,
    };
    let predictions: Vec<_> = pairs.iter().map(prediction).collect();
    write(&path, &pairs.iter().collect::<Vec<_>>(), &predictions).unwrap();
    assert_eq!(
        read(&path, &pairs, &[], Path::new("/data"), false).unwrap().predictions,
        predictions
    );
}

#[test]
fn paper_points_count_only_when_every_line_has_them() {
    let with = r#"{"index": 0, "predicted": [[1, 1], [1, 1]], "predicted_512": [[1, 1], [1, 1]]}"#;
    let without = r#"{"index": 1, "predicted": [[1, 1], [1, 1]]}"#;
    let read = read_text(&format!("{with}\n{without}")).unwrap();
    assert!(read.iter().all(|prediction| prediction.framed.is_empty()));
    assert!(read_text(with).unwrap()[0].framed(MeasureFrame::Paper512).is_some());
}

#[test]
fn unusable_lines_are_listed_together_with_their_numbers() {
    let text = problem(
        "{\"index\": 0, \"predicted\": [[1, 1]]}\n\
         {\"index\": 7, \"predicted\": []}\n\
         {\"index\": 1, \"predicted\": [[1, 1], [NaN, 1]]}\n\
         {\"index\": 1, \"predicted\": [[1, 1], [2, 1]]}\n\
         {\"index\": 1, \"predicted\": [[1, 1], [2, 1]]}\n\
         {\"predicted\": [[1, 1], [2, 1]]}\n\
         {\"source\": \"a.jpg\", \"target\": \"b.jpg\", \"predicted\": [[1, 1], [2, 1]]}\n\
         {\"source\": \"a.jpg\", \"target\": \"x.jpg\", \"predicted\": [[1, 1], [2, 1]]}\n\
         {\"index\": 0, \"source\": \"dog/b\", \"target\": \"a\", \"predicted\": [[1, 1], [2, 1]]}",
    );
    for expected in [
        "8 unusable lines:\n",
        "line 1: pair 0 (`dog/a.jpg` -> `dog/b.jpg`) has 2 keypoints, but 1 predicted points",
        "line 2: the split has no pair 7 (it has 3)",
        "line 3: expected value at column 37 (NaN and Infinity are not positions)",
        "line 5: pair 1 (`dog/b.jpg` -> `dog/a.jpg`) was already predicted in line 4",
        "line 6: either `index`, or `source` and `target`, must say which pair",
        "line 7: several pairs are `a.jpg` -> `b.jpg`: give more of the paths, or `index`",
        "line 8: the split has no pair `a.jpg` -> `x.jpg`",
        "line 9: the line is about `dog/b` -> `a`, but its `index` about pair 0",
    ] {
        assert!(text.contains(expected), "`{expected}` is not in:\n{text}");
    }
}

#[test]
fn file_without_predictions_is_an_error() {
    assert!(problem("\n\n").contains("holds no predictions"));
}

#[test]
fn an_array_and_lines_and_names_of_other_programs_say_the_same() {
    let lines = "{\"index\": 0, \"predicted\": [[1, 2], [3, 4]]}\n\
                 {\"index\": 1, \"predicted\": [[5, 6], [7, 8]]}";
    let expected = read_text(lines).unwrap();
    let array = format!("[\n{}\n]", lines.replace('\n', ",\n"));
    assert_eq!(read_text(&array).unwrap(), expected);
    assert_eq!(read_text(&format!("{{\"results\": {array}}}")).unwrap(), expected);
    let stored = stored(&lines.replace("predicted", "prediction"), false).unwrap();
    assert_eq!(stored.predictions, expected);
    assert_eq!(stored.notes, ["`prediction` is read as `predicted` (2 times)"]);
    let error = problem("{\"index\": 0, \"where\": []}");
    assert!(error.contains("its keys are `index`, `where`: missing field `predicted`"), "{error}");
}

#[test]
fn unusable_lines_are_left_out_where_that_is_wanted_but_not_all() {
    let text = "{\"index\": 0, \"predicted\": [[1, 1], [2, 2]]}\nnonsense\n{\"index\": 9}";
    let stored = stored(text, true).unwrap();
    assert_eq!((stored.predictions.len(), stored.unusable.count()), (1, 2));
    assert!(stored.unusable.to_string().contains(":\n  line 2: "), "{}", stored.unusable);
    let error = self::stored("{\"index\": 9}", true).unwrap_err().to_string();
    assert!(error.contains("no line can be used: 1 unusable line:\n  line 1: "), "{error}");
    let error = self::stored("a.jpg,b.jpg,1,2", true).unwrap_err().to_string();
    assert!(error.starts_with("it is no JSON: expected {\"source\""), "{error}");
}

#[test]
fn a_file_in_utf_16_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("predictions.jsonl");
    let text = "{\"index\": 0, \"predicted\": [[1, 2], [3, 4]]}\r\n";
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    fs::write(&path, units.flat_map(u16::to_le_bytes).collect::<Vec<u8>>()).unwrap();
    assert_eq!(
        read(&path, &pairs(), &[], Path::new("/data"), false).unwrap().predictions,
        read_text(text).unwrap()
    );
}

#[test]
fn a_point_that_is_none_is_told() {
    let error = problem("{\"index\": 0, \"predicted\": [[1, 1], [2, 2, 2]]}");
    assert!(error.contains("point 1 is [2,2,2], not two numbers [x, y]"), "{error}");
    let error = problem("{\"index\": 0, \"predicted\": [[1, 1], [2, 2]], \"index\": 1}");
    assert!(error.contains("the key `index` stands there twice"), "{error}");
}

#[test]
fn a_point_that_was_not_found_needs_no_confidence_and_others_do() {
    let line = |points: &str, confidence: &str| {
        format!("{{\"index\": 0, \"predicted\": {points}, \"confidence\": {confidence}}}")
    };
    let read = read_text(&line("[[1, 1], null]", "[0.3, null]")).unwrap();
    assert_eq!(read[0].confidence, Some(vec![Some(0.3), None]));
    assert_eq!(read[0].not_found(), 1);
    let read = read_text(&line("null", "[null, 0.1]")).unwrap();
    assert_eq!(read[0].confidence, Some(vec![None, Some(0.1)]));
    let error = problem(&line("[[1, 1], null]", "[null, 0.3]"));
    assert!(
        error.contains("`confidence` of point 0 is null: only points that are null"),
        "{error}"
    );
    let error = problem(&line("[[1, 1], null]", "[0.3, 1.5]"));
    assert!(error.contains("a number from 0 to 1"), "{error}");
}

#[test]
fn points_beyond_all_photos_are_refused() {
    let line = |x: &str| format!("{{\"index\": 0, \"predicted\": [[1, 1], [{x}, 2]]}}");
    for x in ["1e308", "-1e200", "1e9"] {
        let error = problem(&line(x));
        assert!(
            error.contains("point 1 lies at ") && error.contains("`null` stands for"),
            "{error}"
        );
    }
    assert_eq!(read_text(&line("-1e4")).unwrap()[0].points[1].x, -1e4);
    let framed =
        "{\"index\": 0, \"predicted\": [[1, 1], [2, 2]], \"predicted_512\": [[1, 1], [2, 1e300]]}";
    assert!(problem(framed).contains("point 1 lies at 2e0, 1e300"), "{}", problem(framed));
}

#[test]
fn pairs_are_refused_once_and_those_that_were_left_out_are_passed_over() {
    let text = "{\"index\": 0, \"predicted\": [[1, 1]]}\n\
                {\"index\": 1, \"predicted\": [[1, 1], [2]]}\n\
                {\"index\": 1, \"predicted\": [[1, 1], [2, 2]]}\n\
                {\"index\": 2, \"predicted\": [[1, 1], [2, 2]]}\n\
                {\"index\": 3, \"predicted\": [[1, 1], [2, 2]]}\n\
                nonsense";
    let pairs = pairs();
    let finder = PairFinder::new(&pairs, &[3, 4], Path::new("/data"));
    let stored = parse(text, &finder, true, None).unwrap();
    assert_eq!((stored.predictions.len(), stored.unusable.count()), (2, 3));
    assert_eq!(stored.refused, [0]);
    let left_out = "for pairs that were left out of the dataset as unusable";
    assert_eq!(stored.notes, [format!("passed over: 1 prediction {left_out}")]);
    let error = |text| format!("{:#}", parse(text, &finder, true, None).unwrap_err());
    let only = error("{\"index\": 4, \"predicted\": []}");
    assert_eq!(only, format!("the file holds predictions only {left_out}"));
    assert!(error("{\"index\": 5, \"predicted\": []}").contains("no pair 5 (it has 5)"));
    let named = error("{\"source\": \"q.jpg\", \"target\": \"r.jpg\", \"predicted\": []}");
    assert!(named.contains("that can be used (2 of 5 were left out)"), "{named}");
}
