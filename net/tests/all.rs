//! One program for all tests except `real_peers`, which starts itself again in a network namespace.
//! A new test file needs a line here; otherwise `tidy` fails.

mod bench;
mod choice;
mod command;
mod common;
mod config;
mod create;
mod crowd;
mod damaged;
mod dht;
mod disk;
mod encryption;
mod entrance;
mod events;
mod explain;
mod files;
mod hostile;
mod incomplete;
mod kills;
mod licences;
mod loopback;
mod magnet;
mod manual;
mod padding;
mod recordings;
mod resources;
mod run;
mod several;
mod symlinks;
mod trackers;
mod unread;
mod utp;
mod version_2;
mod web;
mod web_seeds;
