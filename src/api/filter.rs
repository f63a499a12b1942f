//! Filters of routes and of backendRefs, as read: one type for HTTPRoute and GRPCRoute.

use serde::Deserialize;

use super::open_enum::open_enum;
use super::unread::Unread;

open_enum! {
    /// `filters[].type`
    FilterType {
        RequestHeaderModifier = "RequestHeaderModifier",
        ResponseHeaderModifier = "ResponseHeaderModifier",
        RequestRedirect = "RequestRedirect",
        UrlRewrite = "URLRewrite",
        RequestMirror = "RequestMirror",
        Cors = "CORS",
        ExternalAuth = "ExternalAuth",
        ExtensionRef = "ExtensionRef",
    }
}

/// `filters[]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Filter {
    /// Which of the fields counts.
    #[serde(rename = "type")]
    pub kind: FilterType,
    /// Edits of the request's header fields.
    pub request_header_modifier: Option<HeaderModifier>,
    /// Edits of the response's header fields.
    pub response_header_modifier: Option<HeaderModifier>,
    /// An answer that sends the client elsewhere.
    pub request_redirect: Option<Redirect>,
    /// Another host or path towards the backend.
    pub url_rewrite: Option<UrlRewrite>,
    /// A copy of the request for another backend: not built.
    pub request_mirror: Option<Unread>,
    /// Cross-origin requests: not built.
    pub cors: Option<Unread>,
    /// An authorisation service: not built.
    pub external_auth: Option<Unread>,
    /// An extension: there is none.
    pub extension_ref: Option<Unread>,
}

/// `requestHeaderModifier`, `responseHeaderModifier`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct HeaderModifier {
    /// Replaces.
    #[serde(default)]
    pub set: Vec<HeaderValue>,
    /// Adds to what is there.
    #[serde(default)]
    pub add: Vec<HeaderValue>,
    /// Takes out.
    #[serde(default)]
    pub remove: Vec<String>,
}

/// A header field's name and value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct HeaderValue {
    /// Name, compared without case.
    pub name: String,
    /// Value.
    pub value: String,
}

/// `requestRedirect`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Redirect {
    /// `None`: the request's.
    pub scheme: Option<String>,
    /// `None`: the request's.
    pub hostname: Option<String>,
    /// `None`: the request's.
    pub path: Option<PathModifier>,
    /// `None`: by the port rules of the specification.
    pub port: Option<i32>,
    /// 301, 302, 303, 307 or 308. `None`: 302.
    pub status_code: Option<i32>,
}

/// `urlRewrite`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct UrlRewrite {
    /// Host towards the backend.
    pub hostname: Option<String>,
    /// Path towards the backend.
    pub path: Option<PathModifier>,
}

open_enum! {
    /// `path.type` of a redirect or rewrite
    PathModifierType { ReplaceFullPath = "ReplaceFullPath", ReplacePrefixMatch = "ReplacePrefixMatch" }
}

/// `path` of a redirect or rewrite
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PathModifier {
    /// Which of the fields counts.
    #[serde(rename = "type")]
    pub kind: PathModifierType,
    /// The whole path.
    pub replace_full_path: Option<String>,
    /// What stands for the matched prefix.
    pub replace_prefix_match: Option<String>,
}
