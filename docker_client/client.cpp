#include "docker_client/client.hpp"

#include <charconv>
#include <stdexcept>

#include "docker_client/engine_link.hpp"
#include "docker_client/wire/dial.hpp"

namespace docker {
namespace {

stream_factory dialer(boost::asio::any_io_executor executor, engine_address address, std::chrono::milliseconds limit) {
  return [=] { return dial(executor, address, limit); };
}

std::optional<int> to_number(std::string_view text) {
  int out = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || failure != std::errc() || end != text.data() + text.size() || out < 0) return std::nullopt;
  return out;
}

}  // namespace

std::string to_text(api_version version) { return std::to_string(version.major) + "." + std::to_string(version.minor); }

api_version parse_api_version(std::string_view text) {
  const auto dot = text.find('.');
  if (dot != std::string_view::npos) {
    const auto major = to_number(text.substr(0, dot));
    const auto minor = to_number(text.substr(dot + 1));
    if (major && minor) return {*major, *minor};
  }
  throw std::invalid_argument("\"" + std::string(text) + "\" is no API version; write one like 1.41");
}

client::client(boost::asio::any_io_executor executor, engine_address address, client_options options)
    : client(dialer(std::move(executor), address, options.connect), address.base_path, options) {}

client::client(stream_factory dial, std::string base_path, client_options options)
    : client(std::make_shared<engine_link>(std::move(dial), std::move(base_path), std::move(options))) {}

client::client(std::shared_ptr<engine_link> link)
    : link_(std::move(link)), containers_(link_), images_(link_), networks_(link_), volumes_(link_), system_(link_) {}

client::~client() = default;
client::client(client&&) noexcept = default;

task<api_version> client::negotiate() const { return link_->negotiate(); }
bool client::is_podman() const noexcept { return link_->is_podman(); }

}  // namespace docker
