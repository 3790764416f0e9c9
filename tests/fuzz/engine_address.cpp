// What is accepted can be dialled: an absolute socket path that fits, or a host and a port.
#include "docker_client/engine_address.hpp"

#include "tests/fuzz/fuzz.hpp"

namespace {

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && text.find_first_not_of("0123456789") == std::string_view::npos &&
         std::stoi(std::string(text)) <= 65535;
}

}  // namespace

void fuzz_one(std::string_view input) {
  docker::engine_address address;
  try {
    address = docker::parse_engine_address(input);
  } catch (const docker::address_error&) {
    return;
  }
  fuzz::expect(address.text == input, "the text is kept as written");
  if (address.is_local()) {
    fuzz::expect(address.socket_path.starts_with('/') && address.socket_path.size() <= 107, "the socket path fits");
    return;
  }
  fuzz::expect(!address.host.empty(), "there is a host");
  const bool may_lack_port = address.transport == docker::transport::ssh;
  fuzz::expect(is_port(address.port) || (may_lack_port && address.port.empty()), "there is a port");
  const bool plain_base = address.base_path.find_first_of(" \r\n") == std::string::npos;
  fuzz::expect(plain_base && (address.base_path.empty() || address.base_path.front() == '/'),
               "the base path fits into a request line");
}
