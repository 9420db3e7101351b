//! Both programs over 127.0.0.1.
