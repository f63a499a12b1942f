//! Lines, bounds, and what YAML may hide.

use serde_json::json;

use super::{NODES, documents};
use crate::api::FieldPath;

fn error(text: &str) -> (usize, String) {
    let error = documents(text).expect_err("no error");
    (error.line, error.message)
}

#[test]
fn documents_keep_their_lines() {
    let text = "# one\n---\na: 1\n---\n---\nb:\n- c: x\n- c: 'y'\n...\n";
    let documents = documents(text).expect("YAML");
    assert_eq!(
        documents.iter().map(super::Node::to_json).collect::<Vec<_>>(),
        [json!({"a": 1}), json!(null), json!({"b": [{"c": "x"}, {"c": "y"}]}),]
    );
    assert_eq!(documents[2].line, 6);
    assert_eq!(documents[2].line_of(&FieldPath::of(&["b"]).index(1).key("c")), 8);
    assert_eq!(documents[2].line_of(&FieldPath::of(&["b"]).index(1).key("missing")), 8);
    assert_eq!(documents[2].line_of(&FieldPath::of(&["nowhere"])), 6);
}

#[test]
fn json_is_yaml_also_with_tabs() {
    let text = "{\n\t\"a\": [\n\t\t{\"b\": \"c\\n\\u00e9\"},\n\t\t2\n\t]\n}\n";
    let documents = documents(text).expect("JSON");
    assert_eq!(documents[0].to_json(), json!({"a": [{"b": "c\né"}, 2]}));
    assert_eq!(documents[0].line_of(&FieldPath::of(&["a"]).index(1)), 4);
}

#[test]
fn aliases_unfold_and_stand_at_their_own_line() {
    let documents = documents("a: &x {k: 1}\nb:\n- *x\n").expect("YAML");
    assert_eq!(documents[0].to_json(), json!({"a": {"k": 1}, "b": [{"k": 1}]}));
    assert_eq!(documents[0].line_of(&FieldPath::of(&["b"]).index(0)), 3);
}

#[test]
fn aliases_that_unfold_without_end_are_refused() {
    let mut text = "- &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let alias = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!("- &a{level} [{}]\n", alias.trim_end_matches(", ")));
    }
    assert!(error(&text).1.contains(&NODES.to_string()));
}

#[test]
fn an_error_names_its_line() {
    assert_eq!(error("a: 1\nb: 2\na: 3\n"), (3, "the key \"a\" stands twice, first on line 1".to_owned()));
    assert_eq!(error("a: {b: 1}\nc:\n  <<: 1\n").0, 3);
    assert_eq!(error("a: 1\n[x]: 2\n").0, 2);
    assert!(error(&format!("a: {}", "[".repeat(100))).1.contains("64 levels"));
    assert_eq!(error("a:\n- b\nc: \"half").0, 3);
}
