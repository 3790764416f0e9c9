// A snapshot's manifest: read, written, read again it is the same.
#include "orchestration/snapshot/manifest.hpp"

#include "tests/fuzz/document_round_trip.hpp"

void fuzz_one(std::string_view input) { fuzz::expect_round_trip(input, orchestration::manifest_from_json); }
