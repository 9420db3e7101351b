//! Chunkcast's receiver: puts frames together again, and shows the newest.
