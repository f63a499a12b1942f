//! `pingway explain` as a user runs it, on the quickstart's manifests.

use std::path::Path;
use std::process::Command;

/// What the command printed, and its exit code.
fn explain(arguments: &[&str]) -> (String, Option<i32>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/quickstart");
    let output = Command::new(env!("CARGO_BIN_EXE_pingway")).arg("explain").arg(folder).args(arguments).output();
    let output = output.expect("the command runs");
    (String::from_utf8(output.stdout).expect("text") + &String::from_utf8_lossy(&output.stderr), output.status.code())
}

#[test]
fn a_found_rule_is_told_with_what_the_others_lost_by() {
    let (text, code) = explain(&["GET", "http://localhost:8080/x", "-H", "x-version: v1"]);
    assert_eq!(code, Some(0), "{text}");
    for line in [
        "route     HTTPRoute default/echo, hostname *",
        "backend    90.0 %  default/echo-v1:80  127.0.0.1:",
        r#"lost: header x-version: wanted exactly "v2", request has "v1""#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn filters_are_told_by_their_effect() {
    let (text, _) = explain(&["GET", "http://localhost:8080/old/x?q=1"]);
    assert!(text.contains("sends     /new/x?q=1 to host localhost:8080\n"), "{text}");
    let (json, code) = explain(&["GET", "http://localhost:8080/secure", "-o", "json"]);
    assert_eq!(code, Some(0));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["effect"]["action"], "redirect");
    let location = json["effect"]["location"].as_str().expect("a location");
    assert!(location.starts_with("https://localhost"), "{location}");
}

#[test]
fn what_no_rule_takes_ends_with_exit_code_1() {
    let (text, code) = explain(&["GET", "http://localhost:1/"]);
    assert!(text.contains("not found no accepted listener has port 1"), "{text}");
    assert_eq!(code, Some(1));
    let (text, code) = explain(&["GET", "localhost"]);
    assert!(text.contains(r#""localhost" is not a URL of http:// or https://"#), "{text}");
    assert_eq!(code, Some(1));
}
