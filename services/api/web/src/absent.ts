/** Stands in for parts of libraries that this application never calls and does not ship. */
const absent = (): never => {
  throw new Error("This part of the library is not shipped.");
};

export const FetchStore = absent;
export const root = absent;
export const open = absent;
export const get = absent;
export const slice = absent;
export const tables = {};
export default {};
