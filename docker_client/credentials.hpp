// The engine's X-Registry-Auth header, from what `docker login` left in config.json.
#pragma once

#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace docker {

/// A config.json that cannot or must not be used. what() names the path and never its content.
class credentials_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct registry_credentials {
  /// The header's value: base64url with padding (a malformed one is silently ignored by the engine). Secret.
  std::optional<std::string> registry_auth;
  /// Non-empty: config.json names this credential helper for the registry. Helpers are not run yet, so
  /// `registry_auth` holds only what the file itself has.
  std::string helper;
};

/// For the registry of an image ("docker.io", "127.0.0.1:5000"). A file that is missing means no credentials.
/// credentials_error: it is not readable, no JSON, larger than 1 MiB, or others could write who to be and for whom.
registry_credentials read_registry_credentials(const std::filesystem::path& config_file, std::string_view registry);

/// The same from the file's text. json_error.
registry_credentials find_registry_credentials(std::string_view config_text, std::string_view registry);

std::string base64url(std::string_view bytes);                    // with padding
std::optional<std::string> decode_base64(std::string_view text);  // either alphabet; nullopt: not base64

}  // namespace docker
