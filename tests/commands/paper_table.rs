//! The script that runs many systems on many datasets and writes one table.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::command::{PROGRAM, lpmflow};
use crate::support::spair::TinySpair;

/// The table's text, and what the script printed.
fn table(data: &TinySpair, list: &Path) -> (String, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/paper_table.sh");
    let folder = list.parent().unwrap();
    let output = Command::new(script)
        .arg(data.data_root())
        .arg(folder)
        .args(["--limit", "2", "-o", "result.md", "--table"])
        .arg(list)
        .args(["--", "--threads", "1"])
        .current_dir(folder)
        .env("LPMFLOW", PROGRAM)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    (fs::read_to_string(folder.join("result.md")).unwrap(), printed)
}

#[test]
fn systems_at_hand_are_scored_once_and_others_are_named() {
    let data = TinySpair::write();
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("small.safetensors");
    let weights = weights.to_str().unwrap();
    lpmflow(["export", "--weights", "zero-shot", "-o", weights]).succeeded();
    let list = json!({
        "datasets": { "spair71k": { "title": "SPair-71k", "common": "standard" } },
        "systems": [
            {
                "name": "Small", "source": "https://example.org/small", "protocol": "dhpf",
                "runs": [{ "dataset": "spair71k", "weights": "small.safetensors", "published": { "0.1": 12.3 } }],
            },
            {
                "name": "Turned", "source": "https://example.org/turned", "protocol": "cats", "exchanges": true,
                "runs": [{ "dataset": "spair71k", "weights": "small.safetensors" }],
            },
            {
                "name": "Large", "source": "https://example.org/large", "protocol": "chm",
                "runs": [{ "dataset": "spair71k", "weights": "large/best.pth", "published": { "0.1": 99.9 } }],
            },
        ],
    });
    let path = folder.path().join("list.json");
    fs::write(&path, list.to_string()).unwrap();

    let (text, printed) = table(&data, &path);
    assert!(text.contains("## SPair-71k (2 pairs)"), "{text}");
    assert!(text.contains("not at hand: `large/best.pth` | `chm` |  | (99.9) |  |"), "{text}");
    assert_eq!(printed.matches(" on spair71k by ").count(), 3, "{printed}");
    let report = folder.path().join("result/Small-spair71k-dhpf.json");
    let report: Value = serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
    let found = report["protocols"][0]["overall"]["0.1"].as_f64().unwrap();
    let row = text.lines().find(|line| line.starts_with("| [Small]")).unwrap();
    assert!(row.contains(&format!("| {found:.1} (12.3) |")), "{row}");
    assert!(text.contains("| Small | ") && text.contains("| system | cat |"), "{text}");

    let (again, printed) = table(&data, &path);
    assert_eq!(again, text);
    assert!(!printed.contains(" by "), "{printed}");
}
