// Both spellings read back as the same reference; changing a part changes that part alone.
#include "docker_client/image_reference.hpp"

#include <optional>

#include "tests/fuzz/fuzz.hpp"

using docker::image_reference;

void fuzz_one(std::string_view input) {
  std::optional<image_reference> parsed;
  try {
    parsed = image_reference::parse(input);
  } catch (const docker::image_reference_error&) {
    return;
  }
  const image_reference& reference = *parsed;
  fuzz::expect(!reference.registry().empty() && !reference.repository().empty(), "registry and repository are known");
  fuzz::expect(image_reference::parse(reference.canonical()) == reference, "the canonical spelling reads back");
  fuzz::expect(image_reference::parse(reference.familiar()) == reference, "the familiar spelling reads back");
  const image_reference tagged = reference.with_tag("v2");
  fuzz::expect(tagged.tag() == "v2" && !tagged.is_pinned(), "another tag drops the digest");
  fuzz::expect(tagged.canonical_name() == reference.canonical_name(), "another tag keeps the name");
  fuzz::expect(image_reference::parse(tagged.familiar()) == tagged, "with another tag it reads back");
}
