//! What a file's text comes to.

use std::path::Path;

use super::{Contents, parse};

fn contents(text: &str) -> Contents {
    parse(Path::new("x.yaml"), text.as_bytes())
}

fn names(contents: &Contents) -> Vec<String> {
    contents.objects.iter().map(|placed| format!("{} {}", placed.line, placed.item.reference())).collect()
}

fn problems(contents: &Contents) -> Vec<String> {
    contents.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn documents_and_lists_are_objects_with_their_lines() {
    let contents = contents(
        "---\n# a comment\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n---\n\
         apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Namespace\n  metadata: {name: b}\n\
         - {apiVersion: apps/v1, kind: Deployment, metadata: {name: c}}\n---\n",
    );
    assert_eq!(names(&contents), ["3 Namespace a", "11 Namespace b"]);
    assert_eq!(problems(&contents), [""; 0]);
}

#[test]
fn a_problem_names_file_line_object_and_field() {
    let contents = contents(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata:\n  name: r\n  namespace: shop\nspec:\n  \
         rules:\n  - backendRefs:\n    - name: a\n      port: 80\n    - name: b\n      port: eighty\n",
    );
    assert_eq!(
        problems(&contents),
        [
            "x.yaml:12: HTTPRoute shop/r: spec.rules[0].backendRefs[1].port: invalid type: string \"eighty\", expected i32"
        ]
    );
    assert!(contents.is_broken());
}

#[test]
fn a_missing_field_is_told_at_the_object_that_lacks_it() {
    let contents = contents("apiVersion: v1\nkind: Service\nmetadata:\n  labels: {a: b}\n");
    assert_eq!(problems(&contents), ["x.yaml:3: Service: metadata.name: is missing"]);
}

#[test]
fn what_is_not_supported_is_told_and_breaks_nothing() {
    let contents = contents(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: UDPRoute\nmetadata: {name: t}\n---\n\
         apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n",
    );
    assert_eq!(names(&contents), ["5 Namespace a"]);
    assert_eq!(
        problems(&contents),
        ["x.yaml:1: UDPRoute default/t: this version does not serve this kind (gateway.networking.k8s.io/v1)"]
    );
    assert!(!contents.is_broken());
}

#[test]
fn syntax_errors_name_their_line() {
    assert!(problems(&contents("a: b\n c: d\n"))[0].starts_with("x.yaml:2: "));
    let latin1 = parse(Path::new("x.yaml"), b"a: b\nc: \xe9\n");
    assert_eq!(problems(&latin1), ["x.yaml:2: is not UTF-8"]);
}

#[test]
fn a_byte_order_mark_and_an_empty_file_are_fine() {
    assert!(contents("").says_nothing());
    assert!(contents("# nothing\n").says_nothing());
    assert_eq!(names(&contents("\u{feff}{apiVersion: v1, kind: Namespace, metadata: {name: a}}")), ["1 Namespace a"]);
}
