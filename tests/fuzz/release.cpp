// A stored release: read, written, read again it is the same.
#include "orchestration/release/release.hpp"

#include "tests/fuzz/document_round_trip.hpp"

void fuzz_one(std::string_view input) { fuzz::expect_round_trip(input, orchestration::release_from_json); }
