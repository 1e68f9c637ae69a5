set(processor i386)
set(compiler i686-linux-gnu-g++)
set(libraries i386-linux-gnu)
include(${CMAKE_CURRENT_LIST_DIR}/foreign.cmake)
