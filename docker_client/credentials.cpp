#include "docker_client/credentials.hpp"

#include <cstdint>
#include <fstream>
#include <sstream>

#include "docker_client/json.hpp"

namespace docker {
namespace {

// Docker Hub is filed under this address since 2013.
constexpr std::string_view hub_key = "https://index.docker.io/v1/";

constexpr std::uintmax_t largest_config = 1 << 20;

// "https://ghcr.io/v2/" → "ghcr.io": entries of config.json may be hosts or addresses.
std::string_view host_of(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"})
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  return key.substr(0, key.find('/'));
}

const json* entry_for(const json* entries, std::string_view registry) {
  if (entries == nullptr || !entries->is_object()) return nullptr;
  const std::string_view key = registry == "docker.io" ? hub_key : registry;
  if (const json* exact = entries->find(key)) return exact;
  for (const auto& [name, entry] : entries->object_members())
    if (host_of(name) == host_of(key)) return &entry;
  return nullptr;
}

json user_and_password(const json& entry) {
  json out = json::make_object();
  std::string user = entry.string_at({"username"});
  std::string password = entry.string_at({"password"});
  const auto decoded = decode_base64(entry.string_at({"auth"}));
  if (decoded && !decoded->empty()) {
    const auto colon = decoded->find(':');
    if (colon == std::string::npos) return nullptr;
    user = decoded->substr(0, colon);
    password = decoded->substr(colon + 1);
    while (password.ends_with('\0')) password.pop_back();  // docker's own reader trims them: old files are padded
  }
  if (user.empty() && password.empty()) return nullptr;
  out["username"] = user;
  out["password"] = password;
  return out;
}

std::optional<std::string> auth_header(const json& entry, std::string_view registry) {
  json auth = user_and_password(entry);
  const std::string token = entry.string_at({"identitytoken"});
  if (!token.empty()) {
    auth = json::make_object();
    auth["identitytoken"] = token;
  }
  const std::string registry_token = entry.string_at({"registrytoken"});
  if (auth.is_null() && registry_token.empty()) return std::nullopt;
  if (!registry_token.empty()) auth["registrytoken"] = registry_token;
  auth["serveraddress"] = registry == "docker.io" ? hub_key : registry;
  return base64url(auth.to_text());
}

std::string helper_for(const json& config, std::string_view registry) {
  const json* helper = entry_for(config.find("credHelpers"), registry);
  if (helper != nullptr && helper->is_string()) return helper->as_string();
  return config.string_at({"credsStore"});
}

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

}  // namespace

registry_credentials find_registry_credentials(std::string_view config_text, std::string_view registry) {
  const json config = json::parse(config_text);
  registry_credentials out;
  out.helper = helper_for(config, registry);
  if (const json* entry = entry_for(config.find("auths"), registry)) out.registry_auth = auth_header(*entry, registry);
  return out;
}

registry_credentials read_registry_credentials(const std::filesystem::path& config_file, std::string_view registry) {
  namespace fs = std::filesystem;
  std::error_code failure;
  const fs::file_status status = fs::status(config_file, failure);
  if (status.type() == fs::file_type::not_found) return {};
  const auto refuse = [&](const std::string& why) { throw credentials_error(config_file.string() + " " + why); };
  if (failure) refuse("cannot be looked at: " + failure.message());
  if (!fs::is_regular_file(status)) refuse("is no file");
  if ((status.permissions() & (fs::perms::group_write | fs::perms::others_write)) != fs::perms::none)
    refuse("can be written by others, so its credentials are not used: chmod go-w it, and look at what it says");
  if (fs::file_size(config_file, failure) > largest_config) refuse("is larger than 1 MiB: that is no config.json");
  std::ifstream file(config_file, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || text.bad()) refuse("cannot be read: check its permissions");
  try {
    return find_registry_credentials(text.str(), registry);
  } catch (const json_error& unreadable) {
    throw credentials_error(config_file.string() + ": " + unreadable.what());
  }
}

std::string base64url(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out += k <= count ? alphabet[group >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

std::optional<std::string> decode_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    const auto value = alphabet.find(c == '+' ? '-' : c == '/' ? '_' : c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += static_cast<char>(bits >> held & 0xFF);
  }
  if (held == 6) return std::nullopt;  // a lone character stands for no byte
  return out;
}

}  // namespace docker
