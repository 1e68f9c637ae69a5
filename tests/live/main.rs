//! The commands `live` with real servers. Each test has an etcd of its own, which
//! `bash scripts/setup.sh live` installs.

#![cfg(all(unix, feature = "live"))]

mod append;
mod audit;
mod demo;
mod follow;
mod program;
mod scene;
