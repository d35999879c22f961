//! Moving content: serving requests, fetching and placing.
