//! Exchanges with scripted endpoints: what users of the engine see, against servers written by hand byte for byte.

mod early;
mod frames;
mod http1;
mod http1_reuse;
mod http2;
mod http2_broken;
mod http2_pool;
mod pool;
mod scripts;
mod upgrade;
