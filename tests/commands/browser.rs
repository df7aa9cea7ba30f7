//! Pages in a real browser.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What a script sees in a page, in a window of that size; none where there is no browser. The script leaves it as the
/// page's last text, `SEEN ... END`. Whatever the page says on the console is an error.
pub fn seen(page: &Path, window: &str, script: &str) -> Option<Value> {
    let browser = "chromium";
    if Command::new(browser).arg("--version").output().is_err() {
        assert!(std::env::var_os("LPMFLOW_REQUIRE_BROWSER").is_none(), "there is no {browser}");
        println!("skipped: there is no {browser}");
        return None;
    }
    let script = format!("<script>{script}</script></body>");
    let text = fs::read_to_string(page).unwrap().replace("</body>", &script);
    let tried = page.with_extension("tried.html");
    fs::write(&tried, text).unwrap();
    // On a busy machine a browser may end without having shown anything.
    let shown = (0..3).find_map(|_| show(browser, &tried, window));
    fs::remove_file(tried).unwrap();
    let page = shown.unwrap_or_else(|| panic!("{browser} shows nothing of `{}`", page.display()));
    // The first is in the script.
    let (_, seen) = page.rsplit_once("SEEN ").unwrap();
    let (seen, _) = seen.split_once(" END").unwrap();
    Some(serde_json::from_str(seen).unwrap_or_else(|error| panic!("{error}: {seen}")))
}

/// The page as it is once its scripts have run; none where they have not.
fn show(browser: &str, page: &Path, window: &str) -> Option<String> {
    let profile = tempfile::tempdir().unwrap();
    // Beyond that it hangs.
    let output = Command::new("timeout")
        .args(["120", browser])
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .arg("--disable-dev-shm-usage")
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=60000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--window-size={window}"))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let [shown, log] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    let complaints: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    if !shown.contains("SEEN ") {
        println!("{browser} ended with {}: {log}", output.status);
        return None;
    }
    Some(shown)
}
