# What the libraries of shijian::engine need, then the libraries.
include(${CMAKE_CURRENT_LIST_DIR}/engine-libraries.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/shijian-targets.cmake)
