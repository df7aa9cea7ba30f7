//! Target flows made from keypoints against the official loader's.

use serde_json::Value;

use crate::flow::Flow;
use crate::geometry::Point;
use crate::inside::shared_data;
use crate::train::samples::target::FlowGrid;

const PAPER: FlowGrid = FlowGrid { frame: 512, cells: 128, reach: 17.0 / 512.0 };

fn read(name: &str) -> Option<Value> {
    let path = shared_data::golden()?.join("datasets").join(name);
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

/// The target flow of a record's keypoints.
fn flow(record: &Value) -> Flow {
    let points = |name: &str| -> Vec<Point> {
        let count = record["n_pts"].as_u64().unwrap() as usize;
        let at = |axis: usize, i: usize| record[name][axis][i].as_f64().unwrap();
        (0..count).map(|i| Point::new(at(0, i), at(1, i))).collect()
    };
    PAPER.target(&points("src_kps"), &points("trg_kps"))
}

fn nonzero(flow: &Flow) -> u64 {
    flow.dx.iter().zip(&flow.dy).filter(|&(&dx, &dy)| dx != 0.0 || dy != 0.0).count() as u64
}

/// Compares cells given as `[row, column, dx, dy]`.
fn assert_cells(flow: &Flow, cells: &Value, what: &str) {
    for cell in cells.as_array().unwrap() {
        let number = |i: usize| cell[i].as_f64().unwrap();
        let found = flow.at(number(0) as usize, number(1) as usize);
        let wanted = Point::new(number(2), number(3));
        assert!(found.distance(wanted) < 1e-4, "{what}, {cell}: {found:?}");
    }
}

#[test]
fn target_flows_of_the_datasets_equal_the_official_loaders() {
    for name in ["spair_trn", "spair_val", "pfpascal_trn", "pfpascal_val", "pfpascal_test"] {
        let Some(golden) = read(&format!("{name}.json")) else { return };
        for pair in golden["pairs"].as_array().unwrap() {
            let what = format!("{name} {}", pair["list_entry"]);
            let (flow, wanted) = (flow(pair), &pair["flow_src"]);
            assert_eq!(nonzero(&flow), wanted["nonzero_cells"].as_u64().unwrap(), "{what}");
            assert_cells(&flow, &wanted["samples"], &what);
            for (values, sum) in [(&flow.dx, "sum_dx"), (&flow.dy, "sum_dy")] {
                let found: f64 = values.iter().map(|&value| f64::from(value)).sum();
                let wanted = wanted[sum].as_f64().unwrap();
                assert!((found - wanted).abs() < 0.02, "{what}: {sum} {found}, not {wanted}");
            }
        }
    }
}

#[test]
fn target_flows_of_the_edge_cases_equal_the_official_ones() {
    let Some(golden) = read("edge_cases.json") else { return };
    let cases = golden["keypoint_to_flow"].as_array().unwrap();
    assert_eq!(cases.len(), 16);
    for case in cases {
        let flow = flow(case);
        let what = case["name"].as_str().unwrap();
        assert_eq!(nonzero(&flow), case["nonzero_cells"].as_u64().unwrap(), "{what}");
        assert_cells(&flow, &case["cells"], what);
    }
}
