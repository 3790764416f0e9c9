#include "orchestration/run/host_port.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace orchestration {
namespace {

/// A port of the kernel's choice on 127.0.0.1, held as long as this lives.
class held_port {
 public:
  explicit held_port(int type) : fd_(socket(AF_INET, type, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address), length) != 0) throw std::runtime_error("cannot bind");
    if (type == SOCK_STREAM) listen(fd_, 1);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
    number_ = ntohs(address.sin_port);
  }
  held_port(const held_port&) = delete;
  ~held_port() { close(fd_); }
  int number() const { return number_; }

 private:
  int fd_;
  int number_ = 0;
};

TEST(HostPort, IsTakenWhileSomethingHoldsIt) {
  int number = 0;
  {
    const held_port held(SOCK_STREAM);
    number = held.number();
    EXPECT_TRUE(is_taken({"127.0.0.1", number, "tcp"}));
    EXPECT_TRUE(is_taken({"", number, "tcp"}));
    EXPECT_TRUE(is_taken({"0.0.0.0", number, "tcp"}));
  }
  EXPECT_FALSE(is_taken({"127.0.0.1", number, "tcp"}));
}

TEST(HostPort, TcpAndUdpDoNotMeet) {
  const held_port held(SOCK_DGRAM);
  EXPECT_TRUE(is_taken({"127.0.0.1", held.number(), "udp"}));
  EXPECT_FALSE(is_taken({"127.0.0.1", held.number(), "tcp"}));
}

TEST(HostPort, OnAnotherAddressIsFree) {
  const held_port held(SOCK_STREAM);
  EXPECT_FALSE(is_taken({"127.0.0.2", held.number(), "tcp"}));
}

TEST(HostPort, OfOtherProtocolsIsNotLookedAt) {
  const held_port held(SOCK_STREAM);
  EXPECT_FALSE(is_taken({"127.0.0.1", held.number(), "sctp"}));
}

TEST(HostPort, CollidesWhenOneAddressCoversTheOther) {
  const auto tcp = [](const char* address, int number) { return host_port{address, number, "tcp"}; };
  EXPECT_TRUE(collide(tcp("127.0.0.1", 80), tcp("127.0.0.1", 80)));
  EXPECT_TRUE(collide(tcp("", 80), tcp("127.0.0.1", 80)));
  EXPECT_TRUE(collide(tcp("127.0.0.1", 80), tcp("0.0.0.0", 80)));
  EXPECT_TRUE(collide(tcp("::", 80), tcp("", 80)));
  EXPECT_FALSE(collide(tcp("127.0.0.1", 80), tcp("127.0.0.2", 80)));
  EXPECT_FALSE(collide(tcp("", 80), tcp("", 81)));
  EXPECT_FALSE(collide(tcp("", 80), host_port{"", 80, "udp"}));
}

TEST(HostPort, IsSaidAsItIsWritten) {
  EXPECT_EQ(to_text(host_port{"127.0.0.1", 8080, "tcp"}), "127.0.0.1:8080/tcp");
  EXPECT_EQ(to_text(host_port{"0.0.0.0", 53, "udp"}), "53/udp");
}

}  // namespace
}  // namespace orchestration
