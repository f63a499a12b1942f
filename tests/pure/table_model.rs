//! The route table against a slow, obvious reading of the specification.
//!
//! Routes and requests are generated over few hosts, elements and values, so that they meet often. The reading scans every
//! match of every route, takes the ones that the request meets by the words of the specification, and of these
//! the first in precedence. It shares no code with the table but the types of the API.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::sync::{Arc, LazyLock};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use pingway::api::{HttpMatch, HttpPathMatch, Kind, ObjectName, ObjectRef, PathMatchType, ValueMatch, ValueMatchType};
use pingway::table::hostname::HostPattern;
use pingway::table::listener::{Host, Listener, Protocol};
use pingway::table::lookup::{HostIndex, NotFound, PathTrees, PortIndex, Silent};
use pingway::table::matches::{Match, Pattern, Patterns};
use pingway::table::path::normalise;
use pingway::table::request::RequestView;
use pingway::table::rule::{Action, Entry, Rule};
use pingway::table::timeouts::{Retry, Timeouts};
use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};
use proptest::{collection, option, sample};
use regex::Regex;

/// One match of one route; its place in the list is its age.
#[derive(Clone, Debug)]
struct Route {
    host: &'static str,
    spec: HttpMatch,
}

#[derive(Clone, Debug)]
struct Request {
    host: &'static str,
    path: String,
    query: Option<String>,
    method: Method,
    headers: Vec<(&'static str, &'static str)>,
    /// The name of a listener, where it is a TLS connection.
    tls: Option<&'static str>,
}

const HOSTS: [&str; 6] = ["", "*.t", "*.b.t", "a.b.t", "b.t", "c.b.t"];
const EXPRESSIONS: [&str; 5] = ["/a/.*", "/[ab]+", "/.*b", "/(a|b)/b?", "/a|/b"];
const DIGIT: &str = "[12]";

fn path() -> impl Strategy<Value = String> {
    let elements = sample::select(vec!["a", "ab", "b", "a.b", "%7Ea"]);
    (collection::vec(elements, 0..4), any::<bool>()).prop_map(|(elements, slash)| {
        let path: String = elements.iter().map(|element| format!("/{element}")).collect();
        if slash || path.is_empty() { path + "/" } else { path }
    })
}

fn path_match() -> impl Strategy<Value = Option<HttpPathMatch>> {
    let literal = (sample::select(vec![PathMatchType::Exact, PathMatchType::PathPrefix]), path());
    let expression = sample::select(EXPRESSIONS.to_vec()).prop_map(str::to_owned);
    let regex = expression.prop_map(|value| (PathMatchType::RegularExpression, value));
    option::weighted(0.9, proptest::prop_oneof![4 => literal, 1 => regex])
        .prop_map(|path| path.map(|(kind, value)| HttpPathMatch { kind: Some(kind), value: Some(value) }))
}

fn values() -> impl Strategy<Value = Vec<ValueMatch>> {
    let kinds = vec![(None, "1"), (None, "2"), (None, "x y"), (Some(ValueMatchType::RegularExpression), DIGIT)];
    let value = (sample::select(vec!["x-a", "x-b", "X-A"]), sample::select(kinds));
    collection::vec(value, 0..3).prop_map(|values| {
        let one =
            |(name, (kind, value)): (&str, (_, &str))| ValueMatch { kind, name: name.into(), value: value.into() };
        values.into_iter().map(one).collect()
    })
}

fn route() -> impl Strategy<Value = Route> {
    let method = option::weighted(0.2, sample::select(vec!["GET", "POST"]));
    (sample::select(HOSTS.to_vec()), path_match(), method, values(), values()).prop_map(
        |(host, path, method, headers, query_params)| Route {
            host,
            spec: HttpMatch { path, headers, query_params, method: method.map(Into::into) },
        },
    )
}

fn request() -> impl Strategy<Value = Request> {
    let hosts = sample::select(vec!["a.b.t", "b.t", "c.b.t", "x.y.b.t", "t", "z"]);
    let tail = sample::select(vec!["", "", "", "//b", "/../b", "/./%61", "/{a}", "/x"]);
    let query = sample::select(vec!["x-a=1", "x-a=2&x-a=1", "x-b=x+y&X-A=2", "x%2da=x%20y", "", "x-b"]);
    let field = (sample::select(vec!["x-a", "x-b"]), sample::select(vec!["1", "2", "x y"]));
    let method = sample::select(vec![Method::GET, Method::POST, Method::PUT]);
    let tls = option::weighted(0.1, sample::select(HOSTS.to_vec()));
    let star = proptest::bool::weighted(0.03);
    (hosts, path(), tail, option::of(query), method, collection::vec(field, 0..3), tls, star).prop_map(
        |(host, path, tail, query, method, headers, tls, star)| Request {
            host,
            path: if star { "*".to_owned() } else { normalise(&(path + tail)).expect("a path").into_owned() },
            query: query.map(Into::into),
            method,
            headers,
            tls,
        },
    )
}

// ---- The reading of the specification.

/// Hostname: exact, or `*.` before one label or more, or any.
fn meets_host(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.ends_with(suffix) && host.len() > suffix.len(),
        None => pattern.is_empty() || pattern == host,
    }
}

fn whole(expression: &str, value: &str) -> bool {
    static COMPILED: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
        let compile = |source| (source, Regex::new(&format!("^({source})$")).expect("an expression"));
        EXPRESSIONS.into_iter().chain([DIGIT]).map(compile).collect()
    });
    COMPILED.iter().any(|(source, regex)| *source == expression && regex.is_match(value))
}

fn kind_and_path(spec: &HttpMatch) -> (&PathMatchType, String) {
    match &spec.path {
        Some(HttpPathMatch { kind: Some(kind), value: Some(value) }) => (kind, value.replace("%7E", "~")),
        _ => (&PathMatchType::PathPrefix, "/".to_owned()),
    }
}

/// PathPrefix: "by a list of labels in the path split by the / separator"; a trailing slash is ignored.
fn meets_path(spec: &HttpMatch, path: &str) -> bool {
    match kind_and_path(spec) {
        (PathMatchType::Exact, value) => value == path,
        (PathMatchType::RegularExpression, value) => whole(&value, path),
        (_, value) => {
            let wanted: Vec<&str> = value.split('/').filter(|element| !element.is_empty()).collect();
            let elements: Vec<&str> = path.split('/').skip(1).take(wanted.len()).collect();
            wanted == elements
        }
    }
}

/// "If multiple entries specify equivalent names, only the first entry with an equivalent name MUST be considered."
fn firsts(specs: &[ValueMatch], same: impl Fn(&str, &str) -> bool) -> Vec<&ValueMatch> {
    let first = |i: usize, spec: &ValueMatch| !specs[..i].iter().any(|earlier| same(&earlier.name, &spec.name));
    specs.iter().enumerate().filter(|(i, spec)| first(*i, spec)).map(|(_, spec)| spec).collect()
}

fn header_specs(spec: &HttpMatch) -> Vec<&ValueMatch> {
    firsts(&spec.headers, str::eq_ignore_ascii_case)
}

fn query_specs(spec: &HttpMatch) -> Vec<&ValueMatch> {
    firsts(&spec.query_params, |a, b| a == b)
}

fn meets_value(spec: &ValueMatch, value: Option<&str>) -> bool {
    match (&spec.kind, value) {
        (_, None) => false,
        (Some(ValueMatchType::RegularExpression), Some(value)) => whole(&spec.value, value),
        (_, Some(value)) => spec.value == value,
    }
}

fn meets(spec: &HttpMatch, request: &Request) -> bool {
    let header = |name: &str| request.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| *v);
    let parameters: Vec<(String, String)> = request
        .query
        .iter()
        .flat_map(|query| query.split('&'))
        .map(|parameter| {
            let plain = |text: &str| text.replace('+', " ").replace("%20", " ").replace("%2d", "-");
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            (plain(name), plain(value))
        })
        .collect();
    let parameter = |name: &str| parameters.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    meets_path(spec, &request.path)
        && spec.method.as_ref().is_none_or(|method| *method == request.method.as_str())
        && header_specs(spec).iter().all(|spec| meets_value(spec, header(&spec.name)))
        && query_specs(spec).iter().all(|spec| meets_value(spec, parameter(&spec.name)))
}

/// Greatest first: hostname without wildcard, then by characters; Exact, RegularExpression, PathPrefix, then by
/// characters; method; header matches; query matches; the older.
fn precedence(route: &Route, age: usize) -> impl Ord {
    let (kind, path) = kind_and_path(&route.spec);
    let path = match kind {
        PathMatchType::Exact => (2, 0),
        PathMatchType::RegularExpression => (1, path.len()),
        _ => (0, path.trim_end_matches('/').len()),
    };
    let counts = (route.spec.method.is_some(), header_specs(&route.spec).len(), query_specs(&route.spec).len());
    (host_precedence(route.host), path, counts, Reverse(age))
}

fn host_precedence(host: &str) -> (bool, usize) {
    (!host.is_empty() && !host.starts_with('*'), host.len())
}

fn read(routes: &[Route], listeners: &[&'static str], request: &Request) -> Result<(&'static str, usize), NotFound> {
    let serving = listeners.iter().filter(|listener| meets_host(listener, request.host));
    let listener = *serving.max_by_key(|listener| host_precedence(listener)).ok_or(NotFound::NoListener)?;
    let opened = request.tls.map(|name| {
        listeners.iter().filter(|listener| meets_host(listener, name)).max_by_key(|listener| host_precedence(listener))
    });
    if opened.is_some_and(|opened| opened != Some(&listener)) {
        return Err(NotFound::Misdirected);
    }
    let taking = routes
        .iter()
        .enumerate()
        .filter(|(_, route)| meets_host(route.host, request.host) && meets(&route.spec, request));
    let first = taking.max_by(|(i, a), (j, b)| precedence(a, *i).cmp(&precedence(b, *j)));
    first.map(|(age, _)| (listener, age)).ok_or(NotFound::NoRule)
}

// ---- The table.

fn rule(age: usize) -> Arc<Rule> {
    Arc::new(Rule {
        route: ObjectRef { kind: Kind::HttpRoute, name: ObjectName::new("ns", "route") },
        index: age,
        name: None,
        action: Action::Fail { status: 500, why: "".into() },
        timeouts: Timeouts::default(),
        retry: Retry::default(),
    })
}

fn port(routes: &[Route], listeners: &[&'static str], patterns: &mut Patterns) -> PortIndex<usize> {
    let mut ordered: Vec<_> = routes.iter().enumerate().collect();
    ordered.sort_by(|(i, a), (j, b)| precedence(b, *j).cmp(&precedence(a, *i)));
    let mut host = |hostname: &&str| {
        let entries = ordered.iter().filter(|(_, route)| route.host == *hostname).map(|(age, route)| {
            let matches = Match::compile_http(&route.spec, patterns).expect("a valid match");
            Arc::new(Entry { matches, rule: rule(*age) })
        });
        let (hostname, entries) = (HostPattern::parse(hostname).expect("a valid host"), entries.collect());
        Arc::new(Host { hostname, entries })
    };
    let hosts: Vec<_> = HOSTS.iter().map(&mut host).filter(|host| !host.entries.is_empty()).collect();
    let mut trees = PathTrees::default();
    let listener = |hostname: &&str| {
        Arc::new(Listener {
            name: (*hostname).into(),
            sockets: Vec::new(),
            protocol: Protocol::Http,
            hostname: HostPattern::parse(hostname).expect("a valid host"),
            hosts: hosts.iter().cloned().collect(),
        })
    };
    let listeners: Vec<_> = listeners.iter().map(listener).collect();
    PortIndex::new(&listeners, None, |host, _| Arc::new(HostIndex::build(host, None, &mut trees, |rule| rule.index)))
}

fn look_up(port: &PortIndex<usize>, request: &Request) -> Result<(String, usize), NotFound> {
    let fields = request.headers.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)));
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name, value);
    }
    let Request { host, path, query, method, .. } = request;
    let view = RequestView { host, path, query: query.as_deref(), method, headers: &headers };
    port.lookup(&view, request.tls, &mut Silent).map(|found| (found.listener.name.to_string(), *found.target))
}

/// The interner, and every expression of the generators: held, so that they compile once for all cases.
fn patterns() -> (Patterns, Vec<Pattern>) {
    let mut patterns = Patterns::default();
    let held = EXPRESSIONS.into_iter().chain([DIGIT]).map(|source| patterns.compile(source).expect("an expression"));
    let held = held.collect();
    (patterns, held)
}

thread_local! {
    static PATTERNS: RefCell<(Patterns, Vec<Pattern>)> = RefCell::new(patterns());
}

proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn lookup_finds_what_a_slow_reading_of_the_specification_finds(
        routes in collection::vec(route(), 0..24),
        listeners in sample::subsequence(HOSTS.to_vec(), 1..=HOSTS.len()),
        requests in collection::vec(request(), 40),
    ) {
        let port = PATTERNS.with_borrow_mut(|(patterns, _)| port(&routes, &listeners, patterns));
        for request in &requests {
            let wanted = read(&routes, &listeners, request).map(|(listener, age)| (listener.to_owned(), age));
            prop_assert_eq!(look_up(&port, request), wanted, "{:?}", request);
        }
    }
}
