// The header is base64url of an object; no failure quotes what stands in the file.
#include "docker_client/credentials.hpp"

#include "docker_client/json.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

constexpr std::string_view secret = "canary";  // the seeds' passwords and tokens hold it

void check_header(const std::string& header) {
  fuzz::expect(header.find_first_of("+/\r\n") == std::string::npos, "the header is of the URL alphabet");
  const std::optional<std::string> text = docker::decode_base64(header);
  fuzz::expect(text.has_value(), "the header is base64");
  fuzz::expect(docker::json::parse(*text).is_object(), "the header holds an object");
}

}  // namespace

void fuzz_one(std::string_view input) {
  fuzz::expect(docker::decode_base64(docker::base64url(input)) == input, "base64 reads back");
  const auto plain = docker::decode_base64(input);
  fuzz::expect(!plain || plain->size() <= input.size(), "base64 does not grow");
  for (const char* registry : {"docker.io", "registry.example:5000"}) {
    try {
      const docker::registry_credentials found = docker::find_registry_credentials(input, registry);
      if (found.registry_auth) check_header(*found.registry_auth);
    } catch (const std::runtime_error& error) {
      fuzz::expect(std::string_view(error.what()).find(secret) == std::string_view::npos, "secrets stay in the file");
    }
  }
}
