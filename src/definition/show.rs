//! `musicrec-lab show`: the resolved whole of a definition, and where each value came from.
