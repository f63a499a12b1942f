//! Pingora's heads, as filters edit them. A name and value that are valid can always be put in.

use http::{HeaderName, HeaderValue};
use pingora::http::{RequestHeader, ResponseHeader};

use crate::table::filter::HeadEdit;
use crate::table::filter::headers::joined;

macro_rules! head_edit {
    ($head:ty) => {
        impl HeadEdit for $head {
            fn set(&mut self, name: &HeaderName, value: &HeaderValue) {
                let _ = self.insert_header(name, value.clone());
            }

            fn add(&mut self, name: &HeaderName, value: &HeaderValue) {
                match self.headers.contains_key(name) {
                    true => {
                        let joined = joined(self.headers.get_all(name).iter(), value);
                        let _ = self.insert_header(name, joined);
                    }
                    false => {
                        let _ = self.insert_header(name, value.clone());
                    }
                }
            }

            fn remove(&mut self, name: &HeaderName) {
                self.remove_header(name);
            }
        }
    };
}

head_edit!(RequestHeader);
head_edit!(ResponseHeader);
