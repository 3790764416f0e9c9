// The journal's plan: read, written, read again it is the same; whatever it says can be shown.
#include "orchestration/plan/plan.hpp"

#include "tests/fuzz/document_round_trip.hpp"

void fuzz_one(std::string_view input) {
  fuzz::expect_round_trip(input, [](const docker::json& document) {
    orchestration::plan read = orchestration::plan_from_json(document);
    (void)to_text(read);
    (void)to_public_json(read);
    return read;
  });
}
