# The warnings of our own code; generated code links liu_warnings not at all.
add_library(liu_warnings INTERFACE)
target_compile_options(liu_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes
  -Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Wpointer-arith -Wcast-qual -Werror)
# clang sees through the INIT macros of generated code, and takes the & of "ask for both records" for a slip
target_compile_options(liu_warnings INTERFACE
  $<$<C_COMPILER_ID:Clang>:-Wno-cast-qual -Wno-bitwise-instead-of-logical>)
target_compile_definitions(liu_warnings INTERFACE _GNU_SOURCE)

add_compile_options(-fstack-protector-strong -fno-strict-aliasing)
add_compile_options($<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2>)
set(CMAKE_C_FLAGS_RELEASE "-O2 -g") # assertions stay: they are few, and about our own mistakes
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
add_link_options(-Wl,-z,relro,-z,now)
