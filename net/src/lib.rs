//! The TCP client.
