#include "orchestration/run/host_port.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace orchestration {
namespace {

bool is_any(const std::string& address) { return address.empty() || address == "0.0.0.0" || address == "::"; }

bool binds(int family, int type, const sockaddr* address, socklen_t length) {
  const int fd = socket(family, type | SOCK_CLOEXEC, 0);
  if (fd < 0) return true;  // no such family here: nothing can be in the way
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  const bool bound = bind(fd, address, length) == 0 || errno != EADDRINUSE;
  close(fd);
  return bound;
}

}  // namespace

std::string to_text(const host_port& port) {
  const std::string address = is_any(port.address) ? "" : port.address + ":";
  return address + std::to_string(port.number) + "/" + port.protocol;
}

bool collide(const host_port& a, const host_port& b) {
  if (a.number != b.number || a.protocol != b.protocol) return false;
  return is_any(a.address) || is_any(b.address) || a.address == b.address;
}

bool is_taken(const host_port& port) {
  if (port.protocol != "tcp" && port.protocol != "udp") return false;
  const int type = port.protocol == "tcp" ? SOCK_STREAM : SOCK_DGRAM;
  sockaddr_in6 six{};
  if (inet_pton(AF_INET6, port.address.c_str(), &six.sin6_addr) == 1 && port.address != "::") {
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(static_cast<std::uint16_t>(port.number));
    return !binds(AF_INET6, type, reinterpret_cast<const sockaddr*>(&six), sizeof six);
  }
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(static_cast<std::uint16_t>(port.number));
  four.sin_addr.s_addr = INADDR_ANY;
  if (!is_any(port.address)) inet_pton(AF_INET, port.address.c_str(), &four.sin_addr);
  return !binds(AF_INET, type, reinterpret_cast<const sockaddr*>(&four), sizeof four);
}

}  // namespace orchestration
