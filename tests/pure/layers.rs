//! The layers: which module may import which, how long a file may be, and that every file says what it is for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each layer may import beside itself. Wiring (`cli`, `main`, `lib`) may import everything and is imported by nobody.
const ARROWS: &[(&str, &[&str])] = &[
    ("api", &[]),
    ("shared_map", &[]),
    ("status", &["api", "shared_map"]),
    ("snapshot", &["api"]),
    ("source", &["api", "snapshot"]),
    ("table", &["api", "shared_map", "snapshot", "status"]),
    ("compile", &["api", "shared_map", "snapshot", "status", "table"]),
    ("telemetry", &[]),
    ("settings", &[]),
    ("live", &["api", "shared_map", "snapshot", "table", "telemetry"]),
    ("proxy", &["api", "live", "settings", "snapshot", "table", "telemetry"]),
    ("shutdown", &["proxy", "settings"]),
    ("pipeline", &["api", "compile", "live", "snapshot", "source", "status", "table", "telemetry"]),
    ("admin", &["api", "live", "pipeline", "proxy", "settings", "snapshot", "source", "status", "table", "telemetry"]),
    ("waypoint", &["api", "pipeline", "snapshot", "source"]),
    (
        "controller",
        &["api", "compile", "pipeline", "settings", "snapshot", "source", "status", "telemetry", "waypoint"],
    ),
    ("quickstart", &["api", "settings", "snapshot", "source"]),
];

/// The longest that a file may be, in lines.
const LONGEST: usize = 500;

fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

fn files_under(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    rust_files(&root.join(folder), &mut paths);
    let relative = |p: &Path| p.strip_prefix(root).expect("below the root").display().to_string();
    paths.iter().map(|p| (relative(p), fs::read_to_string(p).expect("text"))).collect()
}

/// The layers that a file's code names by `crate::LAYER`, outside comments.
fn imported(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.match_indices("crate::").map(move |(at, word)| &line[at + word.len()..]))
        .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or(""))
        .filter(|layer| !layer.is_empty())
        .collect()
}

#[test]
fn imports_follow_the_arrows() {
    let arrows: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let mut against = Vec::new();
    for (path, text) in files_under("src") {
        let layer = path["src/".len()..].split(['/', '.']).next().unwrap_or("").to_owned();
        // Tests beside the code may wire what they need.
        let is_test = path.contains("/tests/") || path.ends_with("tests.rs");
        if is_test || matches!(layer.as_str(), "cli" | "main" | "lib") {
            continue;
        }
        let Some(allowed) = arrows.get(layer.as_str()) else {
            against.push(format!("{path}: {layer} has no line in ARROWS"));
            continue;
        };
        for other in imported(&text) {
            if other != layer && !allowed.contains(&other) {
                against.push(format!("{path}: {layer} may not import {other}"));
            }
        }
    }
    assert!(against.is_empty(), "{}", against.join("\n"));
}

#[test]
fn the_pure_layers_have_no_clock_no_chance_and_no_input_or_output() {
    let banned = ["std::fs", "std::net::Tcp", "Instant::now", "SystemTime::now", "fastrand", "tokio::", "std::thread"];
    for (path, text) in files_under("src") {
        let layers = ["src/api", "src/snapshot", "src/compile", "src/table", "src/status", "src/controller/provision/"];
        let pure = layers.iter().any(|p| path.starts_with(p));
        if !pure || path.ends_with("tests.rs") {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or("");
        for line in code.lines().filter(|l| !l.trim_start().starts_with("//")) {
            assert!(!banned.iter().any(|word| line.contains(word)), "{path}: {line}");
        }
    }
}

#[test]
fn only_the_engine_names_the_sessions_of_pingora() {
    for (path, text) in files_under("src") {
        if !path.starts_with("src/proxy") {
            assert!(!text.contains("pingora::"), "{path} names Pingora outside the proxy");
        } else if !path.starts_with("src/proxy/engine") {
            let code = text.lines().filter(|l| !l.trim_start().starts_with("//"));
            assert!(!code.into_iter().any(|l| l.contains("HttpSession")), "{path} names a session outside the engine");
        }
    }
}

#[test]
fn no_file_is_too_long_and_each_says_what_it_is_for() {
    let all = ["src", "tests", "benches"].iter().flat_map(|folder| files_under(folder));
    let mut lengths = Vec::new();
    for (path, text) in all {
        let lines = text.lines().count();
        assert!(lines <= LONGEST, "{path} has {lines} lines; {LONGEST} are the limit");
        assert!(text.starts_with("//! "), "{path} does not begin with what it is for");
        lengths.push(lines);
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= 150, "half of the files have over {median} lines; the goal is 130");
}
