"""The language between hosts, gates, workers and sites: values, codec, frames, messages, session. Pure: no socket, no clock."""
