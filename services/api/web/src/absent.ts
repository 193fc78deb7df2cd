/** Stands in for parts of libraries that this application never calls and does not ship. */
export default {};
