#include "orchestration/files/container_processes.hpp"

#include <gtest/gtest.h>

#include "tests/files/temporary_directory.hpp"

namespace orchestration {
namespace {

namespace fs = std::filesystem;
using test::put;
using test::temporary_directory;

const std::string id(64, 'c');

void add_process(const fs::path& proc, const std::string& pid, const std::string& groups) {
  fs::create_directories(proc / pid);
  put(proc / pid / "cgroup", groups);
}

TEST(ContainerProcesses, AreFoundByTheIdInTheirControlGroup) {
  for (const std::string& group : {"12:pids:/docker/" + id + "\n1:name=systemd:/docker/" + id + "\n",
                                   "0::/system.slice/docker-" + id + ".scope\n", "0::/docker/" + id + "/below\n"}) {
    const temporary_directory proc;
    add_process(proc.path(), "1", "0::/init.scope\n");
    EXPECT_FALSE(has_processes(id, proc.path()));
    add_process(proc.path(), "4711", group);
    EXPECT_TRUE(has_processes(id, proc.path())) << group;
    EXPECT_FALSE(has_processes(std::string(64, 'd'), proc.path()));
  }
}

TEST(ContainerProcesses, DoNotCountBeforeTheyAreTheContainersProgram) {
  const temporary_directory proc;
  add_process(proc.path(), "4711", "0::/docker/" + id + "\n");
  put(proc / "4711" / "comm", "runc:[2:INIT]\n");
  EXPECT_FALSE(has_processes(id, proc.path()));
  put(proc / "4711" / "comm", "runc\n");
  EXPECT_TRUE(has_processes(id, proc.path()));
}

// tests/crash, escape/rollback/22: a process that ends between the open and the read.
TEST(ContainerProcesses, MayEndWhileTheyAreLookedAt) {
  const temporary_directory proc;
  fs::create_directories(proc.path() / "12" / "cgroup");  // opens, and cannot be read either
  EXPECT_FALSE(has_processes(id, proc.path()));
}

TEST(ContainerProcesses, AreThoseOfProcessesOnly) {
  const temporary_directory proc;
  add_process(proc.path(), "self", "0::/docker/" + id + "\n");
  fs::create_directories(proc.path() / "12");  // has ended
  EXPECT_FALSE(has_processes(id, proc.path()));
  EXPECT_FALSE(has_processes("", proc.path()));
  EXPECT_FALSE(has_processes(id, proc / "not there"));
}

}  // namespace
}  // namespace orchestration
